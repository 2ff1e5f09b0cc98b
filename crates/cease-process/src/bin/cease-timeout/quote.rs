//! Names in messages, quoted as GNU's programs do it where no locale is set.

/// `text` between quotes, with everything that is not plain ASCII escaped as in C.
pub(crate) fn quote(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for &byte in text {
        match byte {
            b'\'' => quoted.push_str("\\'"),
            b'\\' => quoted.push_str("\\\\"),
            0x07 => quoted.push_str("\\a"),
            0x08 => quoted.push_str("\\b"),
            b'\t' => quoted.push_str("\\t"),
            b'\n' => quoted.push_str("\\n"),
            0x0b => quoted.push_str("\\v"),
            0x0c => quoted.push_str("\\f"),
            b'\r' => quoted.push_str("\\r"),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\{byte:03o}")),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_plain_is_escaped() {
        assert_eq!(quote(b"sleep"), "'sleep'");
        assert_eq!(quote(b"a'b\n\\"), "'a\\'b\\n\\\\'");
        assert_eq!(quote("a\u{e9}b\u{1}".as_bytes()), "'a\\303\\251b\\001'");
    }
}
