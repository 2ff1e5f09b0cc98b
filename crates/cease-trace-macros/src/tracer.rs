//! Visits an item and inserts checkpoints.

use proc_macro_crate::{FoundCrate, crate_name};
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{
    AngleBracketedGenericArguments, AttrStyle, Attribute, Block, Error, Expr, ExprBlock, ExprForLoop, ImplItem, Item,
    Lifetime, LitInt, Macro, Pat, Path, Signature, Stmt, Token, TraitItem, Type, parse_quote_spanned, token,
};

use crate::breaks;
use crate::options::Options;
use crate::refusals;

/// Visits an item and inserts checkpoints.
pub(crate) struct Tracer {
    /// The options of the item that is being visited.
    options: Options,
    /// The errors of everything that was refused so far.
    error: Option<Error>,
    /// How many loops were cut into blocks; each gets a label with its number.
    cut: usize,
    /// The path of `cease_trace`, for an item without the option `crate`.
    found: String,
}

impl Tracer {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, error: None, cut: 0, found: find() }
    }

    /// The errors of everything that was refused.
    pub(crate) fn into_error(self) -> Option<Error> {
        self.error
    }

    /// Visits the item that has the attribute.
    pub(crate) fn outermost(&mut self, item: &mut Item) {
        match item {
            Item::Fn(function) => self.function(&function.sig, &mut function.block, false),
            Item::Mod(module) if module.content.is_none() => {
                self.refuse(Error::new_spanned(&module, "only a module with its body in braces can be traced"));
            }
            Item::Impl(block) => match refusals::of_impl(block, false) {
                Some(error) => self.refuse(error),
                None => visit_mut::visit_item_impl_mut(self, block),
            },
            Item::Mod(_) | Item::Trait(_) => self.inside(item),
            other => {
                let text = "only a function, an impl block, a trait or a module can be traced";
                self.refuse(Error::new_spanned(other, text));
            }
        }
    }

    /// Visits a member of a module, an `impl`, a trait or a function with the member's own options.
    fn member(&mut self, attributes: &mut Vec<Attribute>, visit: impl FnOnce(&mut Self)) {
        match self.options.of_member(attributes) {
            Ok(options) if options.skip.is_some() => {}
            Ok(options) => {
                let outer = std::mem::replace(&mut self.options, options);
                visit(self);
                self.options = outer;
            }
            Err(error) => self.refuse(error),
        }
    }

    fn inside(&mut self, item: &mut Item) {
        visit_mut::visit_item_mut(self, item);
    }

    fn function(&mut self, signature: &Signature, body: &mut Block, is_member: bool) {
        if let Some(error) = refusals::of_function(signature, is_member) {
            return self.refuse(error);
        }
        self.visit_block_mut(body);
        self.check_first(body, signature.fn_token.span());
    }

    fn refuse(&mut self, error: Error) {
        match &mut self.error {
            Some(before) => before.combine(error),
            none => *none = Some(error),
        }
    }

    /// Inserts a checkpoint before the first statement that is not an item.
    fn check_first(&self, body: &mut Block, at: Span) {
        let checkpoint = self.checkpoint(at);
        let first = body.stmts.iter().position(|stmt| !matches!(stmt, Stmt::Item(_)));
        let checkpoint = parse_quote_spanned! { hidden(at) => #checkpoint };
        body.stmts.insert(first.unwrap_or(body.stmts.len()), checkpoint);
    }

    /// A call of the checkpoint. Its location is that of the function or the loop; its path has a hidden span, so that no lint
    /// reports it.
    fn checkpoint(&self, at: Span) -> Tokens {
        let (private, call) = (self.private(at), quote_spanned! { at => checkpoint() });
        quote_spanned! { hidden(at) => #private::Here.#call; }
    }

    /// The path of the module that only the attribute uses.
    fn private(&self, at: Span) -> Tokens {
        match &self.options.path {
            Some(path) => quote_spanned! { hidden(at) => #path::__private },
            None => {
                let found = self.found.parse::<Tokens>().expect("a path of two names is Rust");
                let found: Tokens = found
                    .into_iter()
                    .map(|mut tree| {
                        tree.set_span(hidden(at));
                        tree
                    })
                    .collect();
                quote_spanned! { hidden(at) => #found::__private }
            }
        }
    }

    /// Turns a `for` loop into blocks of at most `most` rounds, with a checkpoint before each block.
    fn cut(&mut self, mut whole: ExprForLoop, most: &LitInt) -> Expr {
        let at = whole.for_token.span;
        self.cut += 1;
        let target =
            Lifetime { apostrophe: hidden(at), ident: format_ident!("cease_blocks_{}", self.cut, span = hidden(at)) };
        // Before the inner loops are changed, because the changed loops do not show which loop a `break` leaves.
        let found = breaks::send(&mut whole.body, whole.label.as_ref(), &target);
        self.visit_block_mut(&mut whole.body);
        self.visit_expr_mut(&mut whole.expr);

        let is_outer = |attribute: &Attribute| matches!(attribute.style, AttrStyle::Outer);
        let (outer, mut inner): (_, Vec<_>) = whole.attrs.into_iter().partition(is_outer);
        if found.by_label {
            // Perhaps no `break` and no `continue` names it any more.
            inner.push(label_may_be_unused(at));
        }
        let expr = whole.expr;
        let each = ExprForLoop { attrs: inner, expr: Box::new(parse_quote_spanned! { hidden(at) => block }), ..whole };
        let label = found.any.then(|| quote_spanned! { hidden(at) => #target: });
        let (private, checkpoint) = (self.private(at), self.checkpoint(at));
        // The temporaries in the head of a `match` live as long as those in the head of a `for` loop.
        let into_iter = quote_spanned! { hidden(expr.span()) => ::core::iter::IntoIterator::into_iter(items) };
        let blocks = quote_spanned! { hidden(at) =>
            match #expr {
                items => match #into_iter {
                    items => {
                        let way = {
                            use #private::{Count as _, Cut as _};
                            (&#private::Probe::of(&items)).way()
                        };
                        let mut blocks = way.blocks(items, #most);
                        #label while let ::core::option::Option::Some(block) = blocks.next_block() {
                            #checkpoint
                            #each
                        }
                    }
                }
            }
        };
        let stmt = Stmt::Expr(Expr::Verbatim(blocks), Some(Token![;](hidden(at))));
        let block = Block { brace_token: token::Brace(hidden(at)), stmts: vec![stmt] };
        Expr::Block(ExprBlock { attrs: outer, label: None, block })
    }
}

impl VisitMut for Tracer {
    fn visit_item_mut(&mut self, item: &mut Item) {
        match item {
            Item::Fn(function) => self.member(&mut function.attrs, |this| {
                this.function(&function.sig, &mut function.block, true);
            }),
            Item::Impl(block) => {
                let mut attributes = std::mem::take(&mut block.attrs);
                self.member(&mut attributes, |this| match refusals::of_impl(block, true) {
                    Some(error) => this.refuse(error),
                    None => visit_mut::visit_item_impl_mut(this, block),
                });
                block.attrs = attributes;
            }
            Item::Trait(definition) => {
                let mut attributes = std::mem::take(&mut definition.attrs);
                self.member(&mut attributes, |this| visit_mut::visit_item_trait_mut(this, definition));
                definition.attrs = attributes;
            }
            Item::Mod(module) => {
                let mut attributes = std::mem::take(&mut module.attrs);
                self.member(&mut attributes, |this| visit_mut::visit_item_mod_mut(this, module));
                module.attrs = attributes;
            }
            // No other item has code that runs on a worker.
            _ => {}
        }
    }

    fn visit_impl_item_mut(&mut self, item: &mut ImplItem) {
        if let ImplItem::Fn(method) = item {
            self.member(&mut method.attrs, |this| this.function(&method.sig, &mut method.block, true));
        }
    }

    fn visit_trait_item_mut(&mut self, item: &mut TraitItem) {
        if let TraitItem::Fn(method) = item {
            self.member(&mut method.attrs, |this| {
                if let Some(body) = &mut method.default {
                    this.function(&method.sig, body, true);
                }
            });
        }
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            // This code runs in a task or in the compiler.
            Expr::Async(_) | Expr::Const(_) => {}
            Expr::Closure(closure) if closure.asyncness.is_some() || closure.constness.is_some() => {}
            Expr::Closure(closure) => self.visit_expr_mut(&mut closure.body),
            Expr::Repeat(repeat) => self.visit_expr_mut(&mut repeat.expr),
            Expr::ForLoop(each) => match self.options.every.clone() {
                Some(most) => {
                    let whole = std::mem::replace(expr, Expr::Verbatim(Tokens::new()));
                    let Expr::ForLoop(whole) = whole else { unreachable!("the outer match has found a `for` loop") };
                    *expr = self.cut(whole, &most);
                }
                None => {
                    visit_mut::visit_expr_for_loop_mut(self, each);
                    self.check_first(&mut each.body, each.for_token.span);
                }
            },
            Expr::While(each) => {
                visit_mut::visit_expr_while_mut(self, each);
                self.check_first(&mut each.body, each.while_token.span);
            }
            Expr::Loop(each) => {
                visit_mut::visit_expr_loop_mut(self, each);
                self.check_first(&mut each.body, each.loop_token.span);
            }
            expr => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_angle_bracketed_generic_arguments_mut(&mut self, _: &mut AngleBracketedGenericArguments) {}
    fn visit_attribute_mut(&mut self, _: &mut Attribute) {}
    fn visit_macro_mut(&mut self, _: &mut Macro) {}
    /// Of a pattern, only the guard of a `match` arm is code of the function.
    fn visit_pat_mut(&mut self, pat: &mut Pat) {
        if let Pat::Guard(guarded) = pat {
            self.visit_expr_mut(&mut guarded.guard);
        }
    }

    fn visit_path_mut(&mut self, _: &mut Path) {}
    fn visit_type_mut(&mut self, _: &mut Type) {}
}

/// The path of `cease_trace` in the package that is compiled: that of its dependency, or one through its dependency `cease`,
/// by the names that the manifest gives them.
fn find() -> String {
    let dependency = |name| match crate_name(name) {
        Ok(FoundCrate::Name(name)) => Some(format!("::{name}")),
        // The tests and examples of a package import its library by its name.
        Ok(FoundCrate::Itself) => Some(format!("::{}", name.replace('-', "_"))),
        Err(_) => None,
    };
    let through_the_face = || dependency("cease").map(|face| format!("{face}::trace"));
    dependency("cease-trace").or_else(through_the_face).unwrap_or_else(|| "::cease_trace".into())
}

/// The location of `at` for generated code: names are hygienic, and lints do not report it.
fn hidden(at: Span) -> Span {
    at.resolved_at(Span::mixed_site())
}

/// Allows that a label is unused.
fn label_may_be_unused(at: Span) -> Attribute {
    parse_quote_spanned! { hidden(at) => #[allow(unused_labels, reason = "a break that named it leaves more than one block")] }
}
