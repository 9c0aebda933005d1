//! Walks minijinja's tree of a template with the scopes that hold there, and collects the names
//! that come from outside.

use minijinja::machinery::{
    self, Span,
    ast::{BinOpKind, Call, CallArg, Expr, Filter, Macro, Spanned, Stmt, Test, UnaryOpKind},
};
use text_size::{TextRange, TextSize};

use super::{Access, AccessKind, Bound, CallShape, LocalUse, NameUse, Origin, Reference};

/// What a walk has found.
pub(super) struct Walk<'s> {
    source: &'s str,
    /// Where the parsed text begins in `source`.
    base: u32,
    scopes: Vec<Vec<Local>>,
    facts: Vec<Origin>,
    /// What the whole text is, if it is one expression that leads somewhere.
    pub(super) value: Option<Origin>,
    pub(super) references: Vec<Reference>,
    pub(super) locals: Vec<LocalUse>,
    pub(super) bound: Vec<Bound>,
    pub(super) filters: Vec<NameUse>,
    pub(super) tests: Vec<NameUse>,
}

/// A name that the template itself binds.
struct Local {
    name: String,
    declared: Option<TextRange>,
    origin: Option<Origin>,
}

/// Filters that give back a list of the items they are given.
const SAME_ITEMS: [&str; 8] = ["list", "sort", "reverse", "unique", "select", "reject", "selectattr", "rejectattr"];

impl<'s> Walk<'s> {
    /// A walk over texts parsed from `source`, the text as written.
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            base: 0,
            scopes: vec![Vec::new()],
            facts: Vec::new(),
            value: None,
            references: Vec::new(),
            locals: Vec::new(),
            bound: Vec::new(),
            filters: Vec::new(),
            tests: Vec::new(),
        }
    }

    /// The next tree was parsed from `source[base..]`.
    pub(super) fn set_base(&mut self, base: TextSize) {
        self.base = base.into();
    }

    /// Binds `name`, declared at `declared`, in the current scope.
    pub(super) fn bind(&mut self, name: &str, declared: Option<TextRange>) {
        self.bind_to(name, declared, None);
    }

    pub(super) fn bind_to(&mut self, name: &str, declared: Option<TextRange>, origin: Option<Origin>) {
        let Some(scope) = self.scopes.last_mut() else { return };
        // Bound again in the same scope it is the same name with another value.
        let first = scope.iter().find(|local| local.name == name).and_then(|local| local.declared).or(declared);
        if let Some((range, first)) = declared.zip(first) {
            self.bound.push(Bound { range, first });
        }
        scope.push(Local { name: name.to_owned(), declared: first, origin });
    }

    pub(super) fn open_scope(&mut self) {
        self.scopes.push(Vec::new());
    }

    /// Closes the innermost scope that was opened.
    pub(super) fn close_scope(&mut self) {
        if self.scopes.len() > 1 {
            self.scopes.pop();
        }
    }

    /// The names that are bound here, each once, the outermost first.
    pub(super) fn visible_locals(self) -> Vec<(String, Option<Origin>)> {
        let mut found: Vec<(String, Option<Origin>)> = Vec::new();
        for local in self.scopes.into_iter().flatten() {
            match found.iter_mut().find(|(name, _)| *name == local.name) {
                Some(known) => known.1 = local.origin,
                None => found.push((local.name, local.origin)),
            }
        }
        found
    }

    /// Where the value of the expression `source`, which stands at the base, comes from.
    pub(super) fn origin_of(&self, source: &str) -> Option<Origin> {
        self.origin(&machinery::parse_expr(source).ok()?)
    }

    /// Puts what was found in order of place.
    pub(super) fn sort(&mut self) {
        self.references.sort_by_key(|reference| (reference.range.start(), reference.range.end()));
        self.locals.sort_by_key(|local| (local.used.range.start(), local.used.range.end()));
        self.bound.sort_by_key(|bound| bound.range.start());
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
            Stmt::Template(template) => {
                if let [Stmt::EmitExpr(emit)] = template.children.as_slice() {
                    self.value = self.origin(&emit.expr);
                }
                self.statements(&template.children);
            }
            Stmt::EmitExpr(emit) => self.expression(&emit.expr),
            Stmt::ForLoop(each) => {
                self.expression(&each.iter);
                let item = self.origin(&each.iter).map(Origin::item);
                self.scoped(|walk| {
                    walk.bind("loop", None);
                    walk.target(&each.target, item);
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
                    let origin = walk.origin(value);
                    walk.target(target, origin);
                }
                walk.statements(&with.body);
            }),
            Stmt::Set(set) => {
                self.expression(&set.expr);
                let origin = self.origin(&set.expr);
                self.target(&set.target, origin);
            }
            Stmt::SetBlock(set) => {
                if let Some(filter) = &set.filter {
                    self.expression(filter);
                }
                self.scoped(|walk| walk.statements(&set.body));
                self.target(&set.target, None);
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
                self.bind(definition.name, None);
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
        if let Some(root) = root {
            let used = self.reference(root.id, root.span(), &links, guarded);
            match self.bound(root.id) {
                None => self.references.push(used),
                Some(local) => {
                    let (declared, origin) = (local.declared, local.origin.clone());
                    self.locals.push(LocalUse { used, declared, origin });
                }
            }
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
                    path.push(Access { kind: AccessKind::Slice, range: self.subscript(end, link_end) });
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
            walk.bind("caller", None);
            definition.args.iter().for_each(|argument| walk.target(argument, None));
            walk.statements(&definition.body);
        });
    }

    fn target(&mut self, target: &Expr<'_>, origin: Option<Origin>) {
        match target {
            Expr::Var(name) => {
                let declared = TextRange::at(self.at(name.span().start_offset), TextSize::of(name.id));
                self.bind_to(name.id, Some(declared), origin);
            }
            Expr::List(list) => list.items.iter().for_each(|item| self.target(item, None)),
            Expr::Tuple(tuple) => tuple.items.iter().for_each(|item| self.target(item, None)),
            Expr::GetAttr(attribute) => self.expression(&attribute.expr),
            _ => {}
        }
    }

    fn scoped(&mut self, inside: impl FnOnce(&mut Self)) {
        self.open_scope();
        inside(self);
        self.close_scope();
    }

    fn knowing(&mut self, facts: Vec<Origin>, inside: impl FnOnce(&mut Self)) {
        let before = self.facts.len();
        self.facts.extend(facts);
        inside(self);
        self.facts.truncate(before);
    }

    /// The innermost local called `name`.
    fn bound(&self, name: &str) -> Option<&Local> {
        self.scopes.iter().rev().find_map(|scope| scope.iter().rev().find(|local| local.name == name))
    }

    /// How much of `root.path` is known to be defined here.
    fn known(&self, root: &str, path: &[Access]) -> Option<usize> {
        self.facts
            .iter()
            .filter(|fact| fact.root == root && fact.path.len() <= path.len())
            .filter(|fact| fact.path.iter().zip(path).all(|(step, access)| *step == access.kind))
            .map(|fact| fact.path.len())
            .max()
    }

    /// What is defined if `expression` is true (or false, as `truth` says).
    fn facts_of(&self, expression: &Expr<'_>, truth: bool) -> Vec<Origin> {
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

    /// The path that `expression` is, as written.
    fn path_of(&self, expression: &Expr<'_>) -> Option<Origin> {
        let mut links = Vec::new();
        let mut cursor = expression;
        loop {
            let next = match cursor {
                Expr::GetAttr(link) => &link.expr,
                Expr::GetItem(link) => &link.expr,
                Expr::Slice(link) => &link.expr,
                Expr::Var(root) => {
                    links.reverse();
                    let reference = self.reference(root.id, root.span(), &links, true);
                    let path = reference.path.into_iter().map(|access| access.kind).collect();
                    return Some(Origin { root: root.id.to_owned(), path });
                }
                _ => return None,
            };
            links.push(cursor);
            cursor = next;
        }
    }

    /// Where the value of `expression` comes from, names of the template itself followed to theirs.
    fn origin(&self, expression: &Expr<'_>) -> Option<Origin> {
        if let Expr::Filter(filter) = expression {
            let same = SAME_ITEMS.contains(&filter.name) && filter.expr.is_some();
            return self.origin(filter.expr.as_ref().filter(|_| same)?);
        }
        let own = self.path_of(expression)?;
        match self.bound(&own.root) {
            None => Some(own),
            Some(local) => local.origin.clone().map(|origin| origin.then(own.path)),
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
