//! Walks minijinja's tree of a template with the scopes that hold there, and collects the names
//! that come from outside.

use minijinja::machinery::{
    Span,
    ast::{BinOpKind, Call, CallArg, Expr, Filter, Macro, Spanned, Stmt, Test, UnaryOpKind},
};
use text_size::{TextRange, TextSize};

use super::{Access, AccessKind, CallShape, NameUse, Reference};

/// What a walk has found.
pub(super) struct Walk<'s> {
    source: &'s str,
    /// Where the parsed text begins in `source`.
    base: u32,
    scopes: Vec<Vec<String>>,
    facts: Vec<Path>,
    pub(super) references: Vec<Reference>,
    pub(super) filters: Vec<NameUse>,
    pub(super) tests: Vec<NameUse>,
}

/// A path that is known to be defined: its root and what is taken from it.
#[derive(Debug, Clone, PartialEq)]
struct Path {
    root: String,
    steps: Vec<AccessKind>,
}

impl<'s> Walk<'s> {
    /// A walk over texts parsed from `source`, the text as written.
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            base: 0,
            scopes: vec![Vec::new()],
            facts: Vec::new(),
            references: Vec::new(),
            filters: Vec::new(),
            tests: Vec::new(),
        }
    }

    /// The next tree was parsed from `source[base..]`.
    pub(super) fn set_base(&mut self, base: TextSize) {
        self.base = base.into();
    }

    /// Binds `name` in the current scope.
    pub(super) fn bind(&mut self, name: &str) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push(name.to_owned());
        }
    }

    /// Puts what was found in order of place.
    pub(super) fn sort(&mut self) {
        self.references.sort_by_key(|reference| (reference.range.start(), reference.range.end()));
        self.filters.sort_by_key(|filter| filter.range.start());
        self.tests.sort_by_key(|test| test.range.start());
    }

    pub(super) fn statements(&mut self, statements: &[Stmt<'_>]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    pub(super) fn statement(&mut self, statement: &Stmt<'_>) {
        match statement {
            Stmt::Template(template) => self.statements(&template.children),
            Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            Stmt::ForLoop(each) => {
                self.expression(&each.iter);
                self.scoped(|walk| {
                    walk.bind("loop");
                    walk.target(&each.target);
                    if let Some(filter) = &each.filter_expr {
                        walk.expression(filter);
                    }
                    walk.statements(&each.body);
                });
                self.scoped(|walk| walk.statements(&each.else_body));
            }
            Stmt::IfCond(branch) => {
                self.expression(&branch.expr);
                let known = self.facts_of(&branch.expr, true);
                self.knowing(known, |walk| walk.statements(&branch.true_body));
                let known = self.facts_of(&branch.expr, false);
                self.knowing(known, |walk| walk.statements(&branch.false_body));
            }
            Stmt::WithBlock(with) => self.scoped(|walk| {
                for (target, value) in &with.assignments {
                    walk.expression(value);
                    walk.target(target);
                }
                walk.statements(&with.body);
            }),
            Stmt::Set(set) => {
                self.expression(&set.expr);
                self.target(&set.target);
            }
            Stmt::SetBlock(set) => {
                if let Some(filter) = &set.filter {
                    self.expression(filter);
                }
                self.scoped(|walk| walk.statements(&set.body));
                self.target(&set.target);
            }
            Stmt::AutoEscape(escape) => {
                self.expression(&escape.enabled);
                self.statements(&escape.body);
            }
            Stmt::FilterBlock(block) => {
                self.expression(&block.filter);
                self.scoped(|walk| walk.statements(&block.body));
            }
            Stmt::Macro(definition) => {
                self.bind(definition.name);
                self.definition(definition);
            }
            Stmt::CallBlock(block) => {
                self.call(&block.call);
                self.definition(&block.macro_decl);
            }
            Stmt::Do(statement) => self.call(&statement.call),
            _ => {}
        }
    }

    pub(super) fn expression(&mut self, expression: &Expr<'_>) {
        match expression {
            Expr::Const(_) => {}
            Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) | Expr::Slice(_) | Expr::Call(_) => {
                self.chain(expression, false);
            }
            Expr::UnaryOp(operation) => self.expression(&operation.expr),
            Expr::BinOp(operation) => {
                self.expression(&operation.left);
                let known = match operation.op {
                    BinOpKind::ScAnd => self.facts_of(&operation.left, true),
                    BinOpKind::ScOr => self.facts_of(&operation.left, false),
                    _ => Vec::new(),
                };
                self.knowing(known, |walk| walk.expression(&operation.right));
            }
            Expr::Compare(comparison) => {
                self.expression(&comparison.expr);
                for operand in &comparison.ops {
                    self.expression(&operand.expr);
                }
            }
            Expr::IfExpr(branch) => {
                self.expression(&branch.test_expr);
                let known = self.facts_of(&branch.test_expr, true);
                self.knowing(known, |walk| walk.expression(&branch.true_expr));
                if let Some(otherwise) = &branch.false_expr {
                    let known = self.facts_of(&branch.test_expr, false);
                    self.knowing(known, |walk| walk.expression(otherwise));
                }
            }
            Expr::Filter(filter) => self.filter(filter),
            Expr::Test(test) => self.test(test),
            Expr::List(list) => list.items.iter().for_each(|item| self.expression(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.expression(item)),
            Expr::Map(map) => map.keys.iter().chain(&map.values).for_each(|item| self.expression(item)),
        }
    }

    fn filter(&mut self, filter: &Spanned<Filter<'_>>) {
        let provides = matches!(filter.name, "default" | "d");
        match &filter.expr {
            Some(operand) if provides && is_chain(operand) => self.chain(operand, true),
            Some(operand) => self.expression(operand),
            None => {}
        }
        let name_use = self.name_use(filter.name, filter.span(), &filter.args);
        self.filters.push(name_use);
        self.arguments(&filter.args);
    }

    fn test(&mut self, test: &Spanned<Test<'_>>) {
        if matches!(test.name, "defined" | "undefined") && is_chain(&test.expr) {
            self.chain(&test.expr, true);
        } else {
            self.expression(&test.expr);
        }
        let name_use = self.name_use(test.name, test.span(), &test.args);
        self.tests.push(name_use);
        self.arguments(&test.args);
    }

    fn name_use(&self, name: &str, span: Span, arguments: &[CallArg<'_>]) -> NameUse {
        let range = TextRange::at(self.at(span.start_offset), TextSize::of(name));
        NameUse { name: name.to_owned(), range, arguments: arguments.len() }
    }

    fn arguments(&mut self, arguments: &[CallArg<'_>]) {
        for argument in arguments {
            match argument {
                CallArg::Pos(value)
                | CallArg::Kwarg(_, value)
                | CallArg::PosSplat(value)
                | CallArg::KwargSplat(value) => self.expression(value),
            }
        }
    }

    fn call(&mut self, call: &Spanned<Call<'_>>) {
        self.expression(&call.expr);
        self.arguments(&call.args);
    }

    /// A name with what is taken from it, or the same of any other expression.
    fn chain(&mut self, expression: &Expr<'_>, guarded: bool) {
        let mut links = Vec::new();
        let mut cursor = expression;
        let root = loop {
            let next = match cursor {
                Expr::GetAttr(link) => &link.expr,
                Expr::GetItem(link) => &link.expr,
                Expr::Slice(link) => &link.expr,
                Expr::Call(link) => &link.expr,
                Expr::Var(root) => break Some(root),
                other => {
                    self.expression(other);
                    break None;
                }
            };
            links.push(cursor);
            cursor = next;
        };
        links.reverse();
        if let Some(root) = root
            && !self.is_bound(root.id)
        {
            let reference = self.reference(root.id, root.span(), &links, guarded);
            self.references.push(reference);
        }
        for link in links {
            match link {
                Expr::GetItem(link) => self.expression(&link.subscript_expr),
                Expr::Slice(link) => {
                    [&link.start, &link.stop, &link.step].into_iter().flatten().for_each(|part| self.expression(part));
                }
                Expr::Call(link) => self.arguments(&link.args),
                _ => {}
            }
        }
    }

    fn reference(&self, root: &str, span: Span, links: &[&Expr<'_>], guarded: bool) -> Reference {
        let start = self.at(span.start_offset);
        let dollar = self.source[..start.into()].ends_with('$');
        let root_range =
            TextRange::new(if dollar { start - TextSize::new(1) } else { start }, self.at(span.end_offset));
        let mut call = None;
        let mut path: Vec<Access> = Vec::new();
        let mut end = root_range.end();
        let mut range_end = end;
        for link in links {
            let link_end = self.at(link.span().end_offset);
            match link {
                Expr::GetAttr(attribute) => {
                    let range = TextRange::new(link_end - TextSize::of(attribute.name), link_end);
                    path.push(Access { kind: AccessKind::Field(attribute.name.to_owned()), range });
                    range_end = link_end;
                }
                Expr::GetItem(item) => {
                    path.push(self.item(&item.subscript_expr, end, link_end));
                    range_end = link_end;
                }
                Expr::Slice(_) => {
                    path.push(Access { kind: AccessKind::Dynamic, range: self.subscript(end, link_end) });
                    range_end = link_end;
                }
                Expr::Call(made) => match path.last_mut() {
                    None if call.is_none() => {
                        let keyword = made.args.iter().filter(|argument| is_keyword(argument)).count();
                        call = Some(CallShape {
                            positional: made.args.len() - keyword,
                            keyword,
                            range: TextRange::new(root_range.start(), link_end),
                        });
                    }
                    Some(Access { kind: kind @ AccessKind::Field(_), range }) if range.end() == end => {
                        if let AccessKind::Field(name) = kind {
                            *kind = AccessKind::Method(std::mem::take(name));
                        }
                    }
                    _ => path.push(Access { kind: AccessKind::Dynamic, range: TextRange::new(end, link_end) }),
                },
                _ => {}
            }
            end = link_end;
        }
        let guarded_path = if guarded { Some(path.len()) } else { self.known(root, &path) };
        Reference {
            root: root.to_owned(),
            root_range,
            dollar,
            range: TextRange::new(root_range.start(), range_end),
            guarded: guarded_path.is_some(),
            guarded_path: guarded_path.unwrap_or(0),
            call,
            path,
        }
    }

    /// What `[subscript]` or `.0` takes, its link ending at `link_end` and the one before it at `end`.
    fn item(&self, subscript: &Expr<'_>, end: TextSize, link_end: TextSize) -> Access {
        let range = if self.source[..link_end.into()].ends_with(']') {
            self.subscript(end, link_end)
        } else {
            TextRange::new(self.at(subscript.span().start_offset), link_end)
        };
        let value = subscript.as_const();
        let kind = match value.as_ref().map(|value| (value.as_str(), value.as_i64())) {
            Some((Some(name), _)) => AccessKind::Field(name.to_owned()),
            Some((None, Some(index))) => AccessKind::Index(index),
            _ => AccessKind::Dynamic,
        };
        Access { kind, range }
    }

    /// The inside of the brackets that end at `link_end` and open at or after `end`.
    fn subscript(&self, end: TextSize, link_end: TextSize) -> TextRange {
        let outer = &self.source[usize::from(end)..usize::from(link_end)];
        let open = outer.find('[').map_or(0, |at| at + 1);
        let inner = outer[open..].strip_suffix(']').unwrap_or(&outer[open..]);
        let lead = inner.len() - inner.trim_start().len();
        TextRange::at(end + TextSize::new((open + lead) as u32), TextSize::of(inner.trim()))
    }

    fn definition(&mut self, definition: &Spanned<Macro<'_>>) {
        definition.defaults.iter().for_each(|default| self.expression(default));
        self.scoped(|walk| {
            walk.bind("caller");
            definition.args.iter().for_each(|argument| walk.target(argument));
            walk.statements(&definition.body);
        });
    }

    fn target(&mut self, target: &Expr<'_>) {
        match target {
            Expr::Var(name) => self.bind(name.id),
            Expr::List(list) => list.items.iter().for_each(|item| self.target(item)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.target(item)),
            Expr::GetAttr(attribute) => self.expression(&attribute.expr),
            _ => {}
        }
    }

    fn scoped(&mut self, inside: impl FnOnce(&mut Self)) {
        self.scopes.push(Vec::new());
        inside(self);
        self.scopes.pop();
    }

    fn knowing(&mut self, facts: Vec<Path>, inside: impl FnOnce(&mut Self)) {
        let before = self.facts.len();
        self.facts.extend(facts);
        inside(self);
        self.facts.truncate(before);
    }

    fn is_bound(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.iter().any(|bound| bound == name))
    }

    /// How much of `root.path` is known to be defined here.
    fn known(&self, root: &str, path: &[Access]) -> Option<usize> {
        self.facts
            .iter()
            .filter(|fact| fact.root == root && fact.steps.len() <= path.len())
            .filter(|fact| fact.steps.iter().zip(path).all(|(step, access)| *step == access.kind))
            .map(|fact| fact.steps.len())
            .max()
    }

    /// What is defined if `expression` is true (or false, as `truth` says).
    fn facts_of(&self, expression: &Expr<'_>, truth: bool) -> Vec<Path> {
        match expression {
            Expr::UnaryOp(operation) if matches!(operation.op, UnaryOpKind::Not) => {
                self.facts_of(&operation.expr, !truth)
            }
            Expr::BinOp(operation) => match (&operation.op, truth) {
                (BinOpKind::ScAnd, true) | (BinOpKind::ScOr, false) => {
                    let mut facts = self.facts_of(&operation.left, truth);
                    facts.extend(self.facts_of(&operation.right, truth));
                    facts
                }
                _ => Vec::new(),
            },
            Expr::Test(test) if test.name == if truth { "defined" } else { "undefined" } => {
                self.path_of(&test.expr).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn path_of(&self, expression: &Expr<'_>) -> Option<Path> {
        let mut links = Vec::new();
        let mut cursor = expression;
        loop {
            let next = match cursor {
                Expr::GetAttr(link) => &link.expr,
                Expr::GetItem(link) => &link.expr,
                Expr::Var(root) => {
                    links.reverse();
                    let reference = self.reference(root.id, root.span(), &links, true);
                    let steps = reference.path.into_iter().map(|access| access.kind).collect();
                    return Some(Path { root: root.id.to_owned(), steps });
                }
                _ => return None,
            };
            links.push(cursor);
            cursor = next;
        }
    }

    fn at(&self, offset: u32) -> TextSize {
        TextSize::new(offset + self.base).min(TextSize::of(self.source))
    }
}

fn is_chain(expression: &Expr<'_>) -> bool {
    matches!(expression, Expr::Var(_) | Expr::GetAttr(_) | Expr::GetItem(_) | Expr::Slice(_) | Expr::Call(_))
}

fn is_keyword(argument: &CallArg<'_>) -> bool {
    matches!(argument, CallArg::Kwarg(..) | CallArg::KwargSplat(_))
}
