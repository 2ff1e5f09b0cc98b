//! Rewrites the `break`s of one loop so that they leave an outer one.

use syn::visit_mut::{self, VisitMut};
use syn::{AngleBracketedGenericArguments, Attribute, Block, Expr, Item, Label, Lifetime, Macro, Pat, Path, Type};

/// Which `break`s were found.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Found {
    /// At least one.
    pub(crate) any: bool,
    /// At least one that names the loop.
    pub(crate) by_label: bool,
}

/// Makes every `break` of the loop with this body and label leave the loop `target` instead.
///
/// A `break` in the tokens of a macro is not found.
pub(crate) fn send(body: &mut Block, label: Option<&Label>, target: &Lifetime) -> Found {
    let mut breaks =
        Breaks { label: label.map(|label| &label.name), unlabelled: true, target, found: Found::default() };
    breaks.visit_block_mut(body);
    breaks.found
}

struct Breaks<'a> {
    /// The label of the loop; `None` where an inner label shadows it.
    label: Option<&'a Lifetime>,
    /// Whether a `break` without a label leaves the loop.
    unlabelled: bool,
    target: &'a Lifetime,
    found: Found,
}

impl Breaks<'_> {
    /// Visits code inside an inner loop or inside a block with a label.
    fn inside(&mut self, label: Option<&Label>, unlabelled: bool, visit: impl FnOnce(&mut Self)) {
        let (label_before, unlabelled_before) = (self.label, self.unlabelled);
        self.label = self.label.filter(|own| label.is_none_or(|inner| inner.name.ident != own.ident));
        self.unlabelled &= unlabelled;
        visit(self);
        (self.label, self.unlabelled) = (label_before, unlabelled_before);
    }
}

impl VisitMut for Breaks<'_> {
    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        match expr {
            Expr::Break(leave) => {
                let by_label = leave.label.is_some();
                let is_own = match (&leave.label, self.label) {
                    (None, _) => self.unlabelled,
                    (Some(to), Some(own)) => to.ident == own.ident,
                    (Some(_), None) => false,
                };
                // A `break` with a value is an error, and the compiler reports it better.
                if is_own && leave.expr.is_none() {
                    leave.label = Some(self.target.clone());
                    self.found = Found { any: true, by_label: self.found.by_label | by_label };
                }
                visit_mut::visit_expr_break_mut(self, leave);
            }
            Expr::ForLoop(inner) => {
                self.visit_expr_mut(&mut inner.expr);
                self.inside(inner.label.as_ref(), false, |this| this.visit_block_mut(&mut inner.body));
            }
            Expr::While(inner) => self.inside(inner.label.as_ref(), false, |this| {
                this.visit_expr_mut(&mut inner.cond);
                this.visit_block_mut(&mut inner.body);
            }),
            Expr::Loop(inner) => {
                self.inside(inner.label.as_ref(), false, |this| this.visit_block_mut(&mut inner.body));
            }
            Expr::Block(inner) => {
                self.inside(inner.label.as_ref(), true, |this| this.visit_block_mut(&mut inner.block));
            }
            // A `break` cannot leave any of them.
            Expr::Closure(_) | Expr::Async(_) | Expr::Const(_) => {}
            expr => visit_mut::visit_expr_mut(self, expr),
        }
    }

    fn visit_angle_bracketed_generic_arguments_mut(&mut self, _: &mut AngleBracketedGenericArguments) {}
    fn visit_attribute_mut(&mut self, _: &mut Attribute) {}
    fn visit_item_mut(&mut self, _: &mut Item) {}
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
