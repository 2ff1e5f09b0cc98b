//! What stands in the brackets of the attribute.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Ident, LitInt, Meta, Path, Result, Token};

/// The name of the attribute, by which it is known on members.
const NAME: &str = "traced";

/// What stands in the brackets of the attribute.
#[derive(Clone, Default)]
pub(crate) struct Options {
    /// The size of a block.
    pub(crate) every: Option<LitInt>,
    /// Where the member is said to be left out.
    pub(crate) skip: Option<Span>,
    /// Where `cease_trace` is.
    pub(crate) path: Option<Path>,
}

impl Options {
    /// Takes the attributes of that name off a member, and lets what they say replace what is said here.
    pub(crate) fn of_member(&self, attributes: &mut Vec<Attribute>) -> Result<Self> {
        let mut options = self.clone();
        for attribute in attributes.extract_if(.., |attribute| is_named(attribute.path())) {
            let own = match &attribute.meta {
                Meta::Path(_) => Self::default(),
                meta => meta.require_list()?.parse_args()?,
            };
            options.every = own.every.or(options.every);
            options.skip = own.skip.or(options.skip);
            options.path = own.path.or(options.path);
        }
        Ok(options)
    }
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let span = input.span();
            let twice = if input.peek(Token![crate]) {
                input.parse::<Token![crate]>()?;
                options.path.replace(path(input, span)?).is_some()
            } else {
                let name: Ident = input.call(any_name)?;
                match name.to_string().as_str() {
                    "every" => options.every.replace(block_size(input, span)?).is_some(),
                    "skip" => options.skip.replace(name.span()).is_some(),
                    _ => return Err(Error::new(name.span(), UNKNOWN)),
                }
            };
            if twice {
                return Err(Error::new(span, "an option is given once"));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

const UNKNOWN: &str = "unknown option; known: `every = N`, `skip` and `crate = path`";

fn any_name(input: ParseStream<'_>) -> Result<Ident> {
    input.parse().map_err(|error| Error::new(error.span(), UNKNOWN))
}

fn block_size(input: ParseStream<'_>, name: Span) -> Result<LitInt> {
    let wrong = |span| Error::new(span, "the size of a block is a whole number, 1 or more: `every = 1024`");
    input.parse::<Token![=]>().map_err(|_| wrong(name))?;
    let size: LitInt = input.parse().map_err(|error| wrong(error.span()))?;
    match size.base10_parse::<u32>() {
        Ok(0) | Err(_) => Err(wrong(size.span())),
        Ok(number) => Ok(LitInt::new(&number.to_string(), size.span())),
    }
}

fn path(input: ParseStream<'_>, name: Span) -> Result<Path> {
    let wrong = |span| Error::new(span, "the crate is named by a path without quotes: `crate = cease::trace`");
    input.parse::<Token![=]>().map_err(|_| wrong(name))?;
    input.call(Path::parse_mod_style).map_err(|error| wrong(error.span()))
}

fn is_named(path: &Path) -> bool {
    path.segments.last().is_some_and(|last| last.ident == NAME)
}
