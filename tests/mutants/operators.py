"""Kinds of single change: those of cosmic-ray that are worth a test, and five that it lacks."""

from __future__ import annotations

from cosmic_ray.operators.operator import Example, Operator
from cosmic_ray.operators.provider import OperatorProvider
from parso.python import tree
from parso.tree import NodeOrLeaf

# Of each comparison the boundary and the opposite, of each sum the opposite: against the others of
# cosmic-ray's 188 (`+` to `**`, `==` to `is`) nearly every test is a good one.
_COSMIC = {
    "boundary": tuple("ReplaceComparisonOperator_" + pair for pair in (
        "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt",
    )),
    "comparison": tuple("ReplaceComparisonOperator_" + pair for pair in (
        "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is", "Lt_GtE", "LtE_Gt", "Gt_LtE", "GtE_Lt",
    )),
    "arithmetic": (
        *("ReplaceBinaryOperator_" + pair for pair in (
            "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_FloorDiv", "Pow_Mul",
            "BitOr_BitAnd", "BitAnd_BitOr", "LShift_RShift", "RShift_LShift",
        )),
        *("ReplaceUnaryOperator_Delete_USub", "ReplaceUnaryOperator_Delete_Invert"),
    ),
    "condition": (
        *("AddNot", "ReplaceAndWithOr", "ReplaceOrWithAnd", "ReplaceUnaryOperator_Delete_Not"),
    ),
    "truth": ("ReplaceTrueWithFalse", "ReplaceFalseWithTrue"),
    "loop": ("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ZeroIterationForLoop"),
    "number": ("NumberReplacer",),
}  # fmt: skip

_OPPOSITES = {
    name: other
    for pair in (
        ("any", "all"), ("min", "max"), ("minimum", "maximum"), ("nanmin", "nanmax"),
        ("argmin", "argmax"), ("floor", "ceil"), ("startswith", "endswith"),
        ("lstrip", "rstrip"), ("mean", "median"), ("first", "last"), ("head", "tail"),
        ("cummin", "cummax"), ("idxmin", "idxmax"), ("find", "rfind"), ("split", "rsplit"),
        ("partition", "rpartition"),
    )
    for name, other in (pair, pair[::-1])
}  # fmt: skip


class SwapFunction(Operator):
    """The opposite function: `any` for `all`, `min` for `max`."""

    def mutation_positions(self, node: NodeOrLeaf):
        following = node.get_next_leaf() if isinstance(node, tree.Name) else None
        if following is None or following.value != "(" or node.value not in _OPPOSITES:
            return
        # From which end a text is split is seen only where the number of splits has a limit.
        if "split" not in node.value or "," in following.parent.get_code():
            yield node.start_pos, node.end_pos

    def mutate(self, node: tree.Name, index: int) -> tree.Name:
        node.value = _OPPOSITES[node.value]
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("any(x)", "all(x)"), Example("np.max(x)", "np.min(x)"))


class RemoveCall(Operator):
    """A statement that is nothing but a call, or a sum in place, is left out."""

    def mutation_positions(self, node: NodeOrLeaf):
        statement = node.parent is not None and node.parent.type == "simple_stmt"
        call = node.type == "atom_expr" and node.children[-1].type == "trailer"
        adds = node.type == "expr_stmt" and node.children[1].type == "operator"
        adds = adds and node.children[1].value not in ("=", ":=")
        if statement and ((call and node.children[-1].children[0].value == "(") or adds):
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> tree.Keyword:
        return tree.Keyword("pass", node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("file.flush()\n", "pass\n"), Example("x += 1\n", "pass\n"))


class RemoveKeyword(Operator):
    """A call without one of its keyword arguments: with the default in its place."""

    def mutation_positions(self, node: NodeOrLeaf):
        if node.type == "argument" and node.children[1] == "=" and _is_in_call(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> None:
        comma = node.get_next_sibling()
        if comma is not None and comma == ",":
            comma.value = ""

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("f(a, b=1, c=2)", "f(a, c=2)"), Example("f(b=1)", "f()"))


def _is_in_call(node: NodeOrLeaf) -> bool:
    place = node.parent.parent if node.parent.type == "arglist" else node.parent
    return place.type == "trailer"


class SwapMembership(Operator):
    """`in` for `not in`, and back."""

    def mutation_positions(self, node: NodeOrLeaf):
        inside = node.type == "keyword" and node.value == "in" and node.parent.type == "comparison"
        outside = node.type == "comp_op" and node.children[0] == "not"
        if inside or outside:
            yield node.start_pos, node.end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> tree.Keyword:
        value = "in" if node.type == "comp_op" else "not in"
        return tree.Keyword(value, node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example("x in y", "x not in y"), Example("x not in y", "x in y"))


class IgnoreException(Operator):
    """An exception is not caught; cosmic-ray's own breaks on names with a dot."""

    def mutation_positions(self, node: NodeOrLeaf):
        if node.type == "except_clause":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: NodeOrLeaf, index: int) -> NodeOrLeaf:
        node.children[1] = tree.Name("()", node.children[1].start_pos, prefix=" ")
        return node

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        before = "try: pass\nexcept a.B as b: pass"
        return (Example(before, before.replace("a.B", "()")),)


_OWN = {
    "exception": (IgnoreException,),
    "function": (SwapFunction,),
    "call": (RemoveCall,),
    "keyword": (RemoveKeyword,),
    "condition": (SwapMembership,),
}

_provider = OperatorProvider()
OPERATORS: dict[str, Operator] = {
    **{name: _provider[name]() for names in _COSMIC.values() for name in names},
    **{own.__name__: own() for owns in _OWN.values() for own in owns},
}
KINDS: dict[str, str] = {
    **{name: kind for kind, names in _COSMIC.items() for name in names},
    **{own.__name__: kind for kind, owns in _OWN.items() for own in owns},
}
