//! What is refused, and what is said about it.

use syn::spanned::Spanned;
use syn::{Error, ItemImpl, Signature};

/// What to do instead, for a member of something that is traced.
const SKIP: &str = "leave it out with `#[traced(skip)]`";

/// Why a function cannot be traced.
pub(crate) fn of_function(signature: &Signature, is_member: bool) -> Option<Error> {
    let refuse =
        |span, why: &str| Some(Error::new(span, if is_member { format!("{why}, or {SKIP}") } else { why.into() }));
    if let Some(token) = &signature.constness {
        let why = "a `const fn` cannot be traced, because it may run in the compiler, where nobody can stop it: make it a plain `fn`";
        return refuse(token.span(), why);
    }
    if let Some(token) = &signature.asyncness {
        let why = "an `async fn` cannot be traced, because a task stops at its await points and not by unwinding: \
                   stop it with cease-token";
        return refuse(token.span(), why);
    }
    let abi = signature.abi.as_ref()?;
    let name = abi.name.as_ref().map_or_else(|| "C".to_owned(), syn::LitStr::value);
    if name == "Rust" || name.ends_with("-unwind") {
        return None;
    }
    let why = format!(
        "an `extern \"{name}\"` function cannot be traced, because unwinding out of it ends the process: \
         make it `extern \"{name}-unwind\"`"
    );
    refuse(abi.span(), &why)
}

/// Why an `impl` cannot be traced.
pub(crate) fn of_impl(block: &ItemImpl, is_member: bool) -> Option<Error> {
    let (path, _) = block.trait_.as_ref()?;
    let is_destructor = path.segments.last().is_some_and(|last| last.ident == "Drop");
    let why = "a destructor cannot be traced, because it would be left half done";
    let text = if is_member { format!("{why}: {SKIP}") } else { why.into() };
    is_destructor.then(|| Error::new(path.span(), text))
}
