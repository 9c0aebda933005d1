//! Which columns an expression calculates with: their text is read as numbers, as cells of CSV are
//! text, and text would be repeated by `*` and ordered by its kind.

use std::collections::BTreeSet;

use minijinja::{
    machinery::{
        self,
        ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind},
    },
    value::ValueKind,
};

/// The names that `expression` calculates with or compares with a number; none of a broken one.
pub(super) fn calculated(expression: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Ok(tree) = machinery::parse_expr(expression) {
        walk(&tree, &mut names);
    }
    names
}

fn walk(expression: &Expr<'_>, names: &mut BTreeSet<String>) {
    match expression {
        Expr::UnaryOp(unary) => {
            if matches!(unary.op, UnaryOpKind::Neg) {
                names.extend(name(&unary.expr));
            }
            walk(&unary.expr, names);
        }
        Expr::BinOp(binary) => {
            match binary.op {
                BinOpKind::Sub
                | BinOpKind::Mul
                | BinOpKind::Div
                | BinOpKind::FloorDiv
                | BinOpKind::Rem
                | BinOpKind::Pow => names.extend([name(&binary.left), name(&binary.right)].into_iter().flatten()),
                BinOpKind::Add
                | BinOpKind::Eq
                | BinOpKind::Ne
                | BinOpKind::Lt
                | BinOpKind::Lte
                | BinOpKind::Gt
                | BinOpKind::Gte => beside(&binary.left, &binary.right, names),
                _ => {}
            }
            walk(&binary.left, names);
            walk(&binary.right, names);
        }
        Expr::Compare(compare) => {
            let mut left = &compare.expr;
            walk(left, names);
            for operation in &compare.ops {
                if !matches!(operation.op, CompareOpKind::In | CompareOpKind::NotIn) {
                    beside(left, &operation.expr, names);
                }
                left = &operation.expr;
                walk(left, names);
            }
        }
        Expr::IfExpr(choice) => {
            walk(&choice.test_expr, names);
            walk(&choice.true_expr, names);
            choice.false_expr.iter().for_each(|other| walk(other, names));
        }
        Expr::Filter(filter) => {
            filter.expr.iter().for_each(|inner| walk(inner, names));
            filter.args.iter().for_each(|argument| walk_argument(argument, names));
        }
        Expr::Test(test) => walk(&test.expr, names),
        Expr::Call(call) => call.args.iter().for_each(|argument| walk_argument(argument, names)),
        _ => {}
    }
}

fn walk_argument(argument: &CallArg<'_>, names: &mut BTreeSet<String>) {
    if let CallArg::Pos(inner) | CallArg::Kwarg(_, inner) = argument {
        walk(inner, names);
    }
}

/// A name beside a number is one.
fn beside(left: &Expr<'_>, right: &Expr<'_>, names: &mut BTreeSet<String>) {
    if is_number(left) {
        names.extend(name(right));
    }
    if is_number(right) {
        names.extend(name(left));
    }
}

fn name(expression: &Expr<'_>) -> Option<String> {
    match expression {
        Expr::Var(variable) => Some(variable.id.to_owned()),
        Expr::GetAttr(attribute) if matches!(&attribute.expr, Expr::Var(root) if root.id == "row") => {
            Some(attribute.name.to_owned())
        }
        _ => None,
    }
}

fn is_number(expression: &Expr<'_>) -> bool {
    match expression {
        Expr::Const(constant) => constant.value.kind() == ValueKind::Number,
        Expr::UnaryOp(unary) => matches!(unary.op, UnaryOpKind::Neg),
        Expr::BinOp(binary) => match binary.op {
            BinOpKind::Sub
            | BinOpKind::Mul
            | BinOpKind::Div
            | BinOpKind::FloorDiv
            | BinOpKind::Rem
            | BinOpKind::Pow => true,
            BinOpKind::Add => is_number(&binary.left) || is_number(&binary.right),
            _ => false,
        },
        _ => false,
    }
}
