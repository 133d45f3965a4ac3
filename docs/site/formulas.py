"""Plain formulas of docstrings to TeX.

The formula keeps its order and its parentheses: each token is set in its mathematical form (Greek letters, subscripts,
powers, sums, roots, signs) and a space of the source stays a space. Nothing is rearranged, so nothing can be misread.
"""

import re

GREEK = {
    "alpha", "beta", "gamma", "delta", "eps", "eta", "theta", "kappa", "lambda", "lam", "mu", "nu", "phi", "pi", "psi",
    "rho", "sigma", "tau",
}  # fmt: skip
COMMANDS = (
    {name: rf"\{name}" for name in GREEK}
    | {
        "eps": r"\varepsilon",
        "lam": r"\lambda",
        "inf": r"\infty",
        "int": r"\int",
        "sum": r"\sum",
        "prod": r"\prod",
        "argmax": r"\operatorname*{argmax}",
        "argmin": r"\operatorname*{argmin}",
        "log2": r"\log_2",
    }
    | {name: rf"\{name}" for name in ("cos", "exp", "ln", "log", "max", "min", "sinh", "tanh")}
)
SIGNS = {
    "<=": r"\le ", ">=": r"\ge ", "!=": r"\ne ", "==": r"\mathrel{==}", "+=": r"\mathrel{+}=", "-=": r"\mathrel{-}=",
    "->": r"\to ", "<-": r"\leftarrow ", "-+": r"\mp ", "∓": r"\mp ", "~": r"\sim ", "||": r"\Vert ", "|": r"\vert ",
    "...": r"\ldots ", "..": r"\ldots ", "…": r"\ldots ", "*": r"\cdot ", ".": r"\cdot ",
    "{": r"\{", "}": r"\}", "#": r"\#", "%": r"\%", "&": r"\&",
}  # fmt: skip
TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<code>`[^`]+`|"[^"]*")
    |(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)
    |(?P<power>(?<=[\w)])[+*](?=[\s),]|$))|(?P<script>[\^_](?=[\w({+-]))
    |(?P<word>[A-Za-z][A-Za-z0-9]*(?:(?:\.|[-_](?=[a-zA-Z]))[A-Za-z0-9]+|'s\b|@[a-z](?![a-z]))*)
    |(?P<sign><=|>=|!=|==|[+]=|-=|->|<-|-[+]|\|\||\.\.\.|\.\.|.)""",
    re.VERBOSE,
)
INDEX = re.compile(r"[A-Za-z0-9]+(?:,\d*[A-Za-z]+)*(?:[+]\d)?")
INDEXES = re.compile(rf"{INDEX.pattern}(?:_{INDEX.pattern})*")
OPERATORS = set("+-=<>~,;:") | {"<=", ">=", "!=", "==", "+=", "-=", "->", "<-", "-+"}


def tex(line: str) -> str:
    """TeX of one line of a formula."""
    out, at = [], 0
    while at < len(line):
        piece, at = _next(line, at)
        out.append(piece)
    return "".join(out).strip()


def _next(line: str, at: int) -> tuple[str, int]:
    match = TOKEN.match(line, at)
    assert match is not None  # the last alternative takes any character
    kind, text, end = match.lastgroup, match.group(), match.end()
    if kind == "script":
        return _script(text, line, end)
    if kind == "word":
        return _word(text, line, end)
    if kind == "space":
        return _space(line, match), end
    return (_sign(text, line, match) if kind == "sign" else _literal(text)), end


def _literal(text: str) -> str:
    """Code, a quoted text, a number, or the + or * behind a symbol."""
    if text[0] == "`":
        return rf"\texttt{{{_escape(text[1:-1])}}}"
    if text in {"+", "*"}:
        return f"^{{{text}}}"
    return rf"\text{{{_escape(text)}}}" if text[0] == '"' or "e" in text else text


def _space(line: str, match: re.Match[str]) -> str:
    """Space of the source: wide where it is wide, none beside signs that TeX spaces itself."""
    if len(match.group()) > 1 or not match.start():
        return r"\quad "
    before, after = line[: match.start()].rsplit(maxsplit=1)[-1], line[match.end() :].split(maxsplit=1)[0]
    glued = before[-1] in "<>=+~" or before in "-:" or after in OPERATORS
    return " " if glued else r"\ "


def _sign(text: str, line: str, match: re.Match[str]) -> str:
    if text == "<" and re.match(r"<\w+, [^<>]+>", line[match.start() :]):
        return r"\langle "
    if text == ">" and re.search(r"<\w+, [^<>]+$", line[: match.start()]):
        return r"\rangle "
    if text in {"+", "-"} and re.search(r"\w $", line[: match.start()]) and line[match.end() :][:1] not in {"", " "}:
        return f"{{{text}}}"  # of one number: no space as between two
    if text == ":" and (match.start() == 0 or line[match.start() - 1] != " "):
        return "{:}"
    if text == "." and not (line[: match.start()].endswith(" ") and line[match.end() :].startswith(" ")):
        return "."
    return SIGNS.get(text, text)


def _script(text: str, line: str, at: int) -> tuple[str, int]:
    """Subscript or power: a name, a number, or what stands in parentheses or braces."""
    if line[at] in "({":
        end = _closing(line, at)
        inner = line[at + 1 : end - 1]
        return f"{text}{{({tex(inner)})}}" if line[at] == "(" else f"{text}{{{tex(inner)}}}", end
    if text == "_" and (index := INDEX.match(line, at)):
        return f"_{{{_index(index.group())}}}", index.end()
    sign = line[at] if line[at] in "+-" else ""
    piece, end = _next(line, at + len(sign))
    return f"{text}{{{sign}{piece}}}", end


def _word(text: str, line: str, at: int) -> tuple[str, int]:
    """Name with its subscript; functions and Greek letters in their form, other words upright, letters italic."""
    base, _, index = text.rpartition("_")
    if base and _is_index(base, index):
        full = INDEXES.match(line, at - len(index))
        assert full is not None
        return f"{_name(base, '_')}_{{{','.join(map(_index, full.group().split('_')))}}}", full.end()
    if text == "sqrt" and line[at : at + 1] == "(":
        end = _closing(line, at)
        return rf"\sqrt{{{tex(line[at + 1 : end - 1])}}}", end
    return _name(text, line[at:], line[: at - len(text)]), at


def _is_index(base: str, index: str) -> bool:
    """Whether what follows the last _ is an index: `weights_t`, `p_chosen`, `argmax_pi`, but not `ref_logps`.

    Of two letters only those that name pairs count after a word: `votes_ij`, but not `solve_nash_kl`.
    """
    if len(base) == 1 or base in GREEK:
        return True
    names = r"[A-Za-z]{1,2}|\d+" if base in COMMANDS or base == "mean" else r"[A-Za-z]|ij|ji|de|\d+"
    return (base in COMMANDS and index in GREEK) or re.fullmatch(names, index) is not None


def _index(text: str) -> str:
    """An index: letters stay side by side, a word is upright."""
    return (
        _name(text)
        if text.isalpha() and (text in COMMANDS or len(text) > 2)
        else re.sub(r"[A-Za-z]{3,}", lambda m: rf"\text{{{m[0]}}}", text)
    )


def _name(text: str, after: str = "", before: str = "") -> str:
    prose = text in {"sum", "prod", "max", "min"} and re.match(r" (of|on|over|to|is)\b", after)
    article = text == "a" and re.search(r"(^|[a-z,;] )$", before) and re.match(r" [a-z]{2,}\b(?!\()", after)
    if text in COMMANDS and not prose:
        return COMMANDS[text] + ("" if after[:1] in "_^'(" and after else " ")
    return rf"\text{{{_escape(text)}}}" if len(text) > 1 or article else text


def _escape(text: str) -> str:
    return re.sub(r"([_#%&{}])", r"\\\1", text)


def _closing(line: str, at: int) -> int:
    """Index behind the parenthesis or brace that closes the one at `at`."""
    depth = 0
    for end in range(at, len(line)):
        depth += (line[end] in "({") - (line[end] in ")}")
        if depth == 0:
            return end + 1
    return len(line)
