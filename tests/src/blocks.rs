//! Generated parts of pages: what stands between `<!-- generated: NAME -->` and `<!-- end -->`.

use std::fmt::Write;

const START: &str = "<!-- generated: ";
const END: &str = "<!-- end -->";

/// `text` with every generated part rendered anew.
///
/// # Errors
///
/// When `render` does not know a name, or when a part does not end.
pub fn renew(text: &str, render: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut new = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(START) {
        let (name, after) = after.split_once(" -->").ok_or("a marker has no ` -->`")?;
        let (old, after) = after.split_once(END).ok_or_else(|| format!("`{name}` has no `{END}`"))?;
        if old.contains(START) {
            return Err(format!("`{name}` has no `{END}` before the next part"));
        }
        let block = render(name).ok_or_else(|| format!("nothing renders `{name}`"))?;
        write!(new, "{before}{START}{name} -->\n\n{}\n\n{END}", block.trim_end())
            .expect("writing to a string never fails");
        rest = after;
    }
    Ok(new + rest)
}

/// The generated parts of `text`, in order: the name of each, and what it is followed by.
pub fn parts(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(START).skip(1).filter_map(|part| part.split_once(" -->"))
}

/// The lines in which two versions of a page differ: those of `old` after `-`, of `new` after `+`.
#[must_use]
pub fn diff(old: &str, new: &str) -> String {
    parts(old).zip(parts(new)).map(|((_, old), (_, new))| diff_part(old, new)).collect()
}

/// From the first line that differs to the last.
fn diff_part(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let (old, new) = (&old[head..], &new[head..]);
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count();
    let lines = |sign: char, lines: &[&str]| lines.iter().map(|line| format!("{sign} {line}\n")).collect::<String>();
    lines('-', &old[..old.len() - tail]) + &lines('+', &new[..new.len() - tail])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "a\n<!-- generated: one -->\n\nold\n\n<!-- end -->\nb\n";

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let new = renew(PAGE, |name| (name == "one").then(|| "new\n".into())).unwrap();
        assert_eq!(new, PAGE.replace("old", "new"));
        assert_eq!(diff(PAGE, &new), "- old\n+ new\n");
        assert_eq!(parts(&new).map(|(name, _)| name).collect::<Vec<_>>(), ["one"]);
    }

    #[test]
    fn a_part_that_cannot_be_rendered_is_an_error() {
        assert_eq!(renew(PAGE, |_| None).unwrap_err(), "nothing renders `one`");
        let open = PAGE.replace(END, "");
        assert_eq!(renew(&open, |_| Some(String::new())).unwrap_err(), "`one` has no `<!-- end -->`");
        let twice = format!("{open}{PAGE}");
        assert!(renew(&twice, |_| Some(String::new())).unwrap_err().contains("before the next part"));
    }
}
