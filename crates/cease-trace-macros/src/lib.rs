#![doc = include_str!("../README.md")]

mod breaks;
mod options;
mod refusals;
mod tracer;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::ToTokens;
use syn::{Error, Item, TraitItemFn};

use crate::options::Options;
use crate::tracer::Tracer;

/// Inserts a checkpoint at the entry of every function and at the beginning of every round of every loop.
///
/// It stands before a function, an `impl` block, a trait or a module with its body in braces, and covers every function and
/// every loop inside, those of closures, default methods and nested items too.
/// Everything else of the function is unchanged: attributes, documentation, visibility, types, and the locations in the
/// messages of the compiler.
///
/// A checkpoint leaves the worker by unwinding when a stop was requested. It returns on a thread without a boundary that
/// catches the stop, and while the thread is already unwinding.
///
/// # Options
///
/// `every = N` cuts the `for` loops into blocks of `N` rounds, and has a checkpoint before each block and none inside.
/// A range of integers, and the iterator of a slice, a `Vec` or an array by reference, are cut without a count, so the loop
/// over a block can still be vectorised; for any other iterator there is a count inside.
/// `while` and `loop` are still checked each round, because the number of rounds is not known before.
///
/// `skip`, on a member of what is traced, leaves the member out; any other option there replaces the outer one for it.
/// The outer attribute reads those of its members, so inside a traced module the name needs no import.
///
/// `crate = path` names the path of `cease_trace`: `crate = cease::trace`.
/// Without it the attribute finds `cease-trace`, or else `cease`, among the dependencies in the manifest.
///
/// # What is not covered
///
/// | code | what happens |
/// |---|---|
/// | tokens inside a macro call, `vec![…]` for instance | not covered |
/// | iterator chains, `iter.map(f).sum()` | not covered: the loop is in the library; loops inside `f` are covered |
/// | `async` blocks and `async` closures | left alone: they may run on another thread than the worker's |
/// | `const` blocks, constants, statics, array lengths | left alone: they run in the compiler |
/// | `async fn` | refused, because a task stops at its await points; see cease-token |
/// | `const fn` | refused, because it may run in the compiler |
/// | `extern "C" fn` | refused, because unwinding out of it ends the process; `extern "C-unwind"` is covered |
/// | `Drop::drop` | refused, because a destructor must run to its end |
///
/// # Examples
///
/// ```
/// use cease_core::{SpawnFn, Stopped};
/// use cease_trace::{Trace, traced};
///
/// /// Has no checkpoint of its own.
/// #[traced]
/// fn count() -> u64 {
///     let mut number = 0_u64;
///     loop {
///         number = number.wrapping_add(1);
///     }
/// }
///
/// let worker = Trace::new().spawn_fn(|_| Ok(count()))?;
/// assert!(worker.stop());
/// assert!(worker.join()?.as_stopped().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```
/// use cease_trace::traced;
///
/// #[traced(every = 1024)]
/// mod work {
///     pub fn sum_of_squares(numbers: &[u32]) -> u32 {
///         let mut sum = 0_u32;
///         for number in numbers {
///             sum = sum.wrapping_add(number.wrapping_mul(*number));
///         }
///         sum
///     }
///
///     #[traced(skip)]
///     pub const fn answer() -> u32 {
///         42
///     }
/// }
///
/// assert_eq!(work::sum_of_squares(&[1, 2, 3]), 14);
/// # assert_eq!(work::answer(), 42);
/// ```
#[proc_macro_attribute]
pub fn traced(options: TokenStream, item: TokenStream) -> TokenStream {
    let original = Tokens::from(item.clone());
    let expanded = match syn::parse::<Options>(options) {
        Ok(options) => expand(&options, original.clone()),
        Err(error) => Err(error),
    };
    // A refused item stays in the output unchanged, so that its uses cause no further errors.
    expanded.unwrap_or_else(|error| with_error(error, original)).into()
}

fn expand(options: &Options, original: Tokens) -> syn::Result<Tokens> {
    if let Some(span) = options.skip {
        return Err(Error::new(span, "`skip` is for a member of an impl, a trait or a module that is traced"));
    }
    let mut tracer = Tracer::new(options.clone());
    let traced = match syn::parse2::<Item>(original.clone())? {
        // A method without a body looks like this.
        Item::Verbatim(tokens) if syn::parse2::<TraitItemFn>(tokens.clone()).is_ok() => {
            return Err(Error::new_spanned(tokens, "a function without a body has nothing to trace"));
        }
        mut item => {
            tracer.outermost(&mut item);
            item.into_token_stream()
        }
    };
    Ok(match tracer.into_error() {
        Some(error) => with_error(error, traced),
        None => traced,
    })
}

fn with_error(error: Error, item: Tokens) -> Tokens {
    let mut tokens = error.into_compile_error();
    tokens.extend(item);
    tokens
}
