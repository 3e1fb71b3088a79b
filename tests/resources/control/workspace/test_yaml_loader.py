import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.control.workspace.yaml_loader import (
    MAXIMUM_BYTES,
    MAXIMUM_DEPTH,
    MAXIMUM_NODES,
    load_yaml,
)
from resources.control.workspace.yaml_nodes import Spot, plain


def _values(text):
    loaded = load_yaml(text.encode(), file="f.yml")
    assert loaded.problems == ()
    return plain(loaded.root)


def _problems(content):
    loaded = load_yaml(content if isinstance(content, bytes) else content.encode(), file="f.yml")
    return [(problem.line, problem.what) for problem in loaded.problems]


@pytest.mark.parametrize("written", ["22:00", "21:30", "7:05", "08:00", "23:59:59"])
def test_clock_times_without_quotes_are_text(written):
    assert _values(f"start: {written}\n") == {"start": written}


@pytest.mark.parametrize(
    "written",
    ["NO", "ON", "off", "Off", "yes", "YES", "y", "n", "2024-01-31", "1_000", "1.2.3", "0b101", "12e"],
)
def test_what_yaml_1_1_read_as_something_else_is_text(written):
    assert _values(f"key: {written}\n") == {"key": written}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1", 1),
        ("-7", -7),
        ("0", 0),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("2.", 2.0),
        ("-0.25", -0.25),
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
        ('"012"', "012"),
        ("'~'", "~"),
        ('"+49 151"', "+49 151"),
    ],
)
def test_values_follow_the_core_schema(written, value):
    assert _values(f"key: {written}\n") == {"key": value}


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("012", "leading zero"),
        ("-007", "leading zero"),
        ("0o17", "another base"),
        ("0x1F", "another base"),
        ("+491511234567", "a phone number"),
        (".inf", "not a finite number"),
        ("-.INF", "not a finite number"),
        (".nan", "not a finite number"),
        ("1e999", "larger than any number"),
        ("123456789012345678901", "too large for a whole number"),
    ],
)
def test_ambiguous_numbers_are_refused_with_their_line(written, what):
    [(line, found)] = _problems(f"first: 1\nkey: {written}\n")
    assert line == 2
    assert what in found


def test_every_structural_problem_is_reported_at_once():
    text = "a: 1\na: 2\nb: &anchor {c: 1}\nd: *anchor\n<<: {e: 1}\nf: !!int 3\n? [g]\n: 1\n: 2\n"
    assert _problems(text) == [
        (2, "the key is written twice, first in line 1"),
        (3, "`&anchor` is an anchor"),
        (4, "`*anchor` is an alias"),
        (5, "`<<` is a merge key"),
        (6, "`tag:yaml.org,2002:int` is a tag"),
        (7, "the key is not a word"),
        (9, "the key is not a word"),
    ]


def test_a_key_is_the_same_with_and_without_quotes():
    assert _problems('a: 1\n"a": 2\n') == [(2, "the key is written twice, first in line 1")]


def test_an_alias_as_key_is_refused():
    assert _problems("*name : 1\n") == [(1, "`*name` is an alias")]


def test_the_first_of_two_equal_keys_counts_for_later_checks():
    loaded = load_yaml(b"a: 1\na: 2\n", file="f.yml")
    assert plain(loaded.root) == {"a": 1}


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"", 0, "the file is empty"),
        (b"# only a comment\n", 0, "the file is empty"),
        (b"---\n", 0, "the file is empty"),
        (b"- a\n- b\n", 1, "the file is not a mapping"),
        (b"just text\n", 1, "the file is not a mapping"),
        (b"a:\n\tb: 1\n", 2, "a tab stands in the indentation"),
        (b"a:\n  b: 1\n \tc: 1\n", 3, "a tab stands in the indentation"),
        (b"\xef\xbb\xbfa: 1\n", 1, "the file starts with a byte order mark"),
        ("a: 1\n".encode("utf-16"), 1, "the file starts with a byte order mark"),
        (b"a: 1\nb: \xff\n", 2, "the file is not UTF-8"),
        (b"a: 1\nb: \x07\n", 2, "the file holds a control character"),
        (b"a: 1\nb: 'x\nc: 2\n", 2, "a quote is opened and never closed"),
        (b"a: 1\nb: [1, 2\nc: 2\n", 2, "a bracket or brace is opened and never closed"),
        (b"a: {b: 1\nc: 2\n", 1, "a bracket or brace is opened and never closed"),
        (b"a: b: c\n", 1, "a second colon in one line, or an indentation that does not fit"),
        (b"a: 1\nb: @x\n", 2, "a value starts with a character that YAML reserves"),
        (b"a: 1\n---\nb: 2\n", 2, "a second document starts here"),
        (b"%YAML 1.1\n---\na: 1\n", 2, "the file asks for another version of YAML"),
    ],
)
def test_unreadable_files_say_what_and_where(content, line, what):
    assert _problems(content) == [(line, what)]


def test_other_mistakes_keep_the_words_of_the_parser():
    [(line, what)] = _problems("a: >\n  x\n b\n")
    assert line == 3
    assert what.startswith("not valid YAML: ")


def test_tabs_inside_a_block_of_text_are_content():
    assert _values("query: |\n  SELECT\n  \t1\n") == {"query": "SELECT\n\t1\n"}


def test_a_file_at_the_size_cap_is_read_and_one_byte_more_is_not():
    text = "a: " + "x" * (MAXIMUM_BYTES - 3)
    assert _problems(text) == []
    assert _problems(text + "x") == [(0, f"the file has {MAXIMUM_BYTES + 1:,} bytes")]


def test_depth_is_capped_without_exhausting_the_stack():
    nested = MAXIMUM_DEPTH - 1
    assert _problems("a: " + "[" * (nested - 1) + "]" * (nested - 1)) == []
    assert _problems("a: " + "[" * nested + "]" * nested) == []
    [(_, what)] = _problems("a: " + "[" * 10_000)
    assert what == f"nested deeper than {MAXIMUM_DEPTH} levels"


def test_the_number_of_values_is_capped():
    # The mapping, its key and the list are values too.
    assert _problems("a: [" + "1," * (MAXIMUM_NODES - 3) + "]") == []
    assert _problems("a: [" + "1," * (MAXIMUM_NODES - 2) + "]") == [
        (1, f"the file has more than {MAXIMUM_NODES:,} values")
    ]


def test_positions_of_keys_and_values_are_kept():
    root = load_yaml(b"a:\n  b: 1\n  c:\n    - 2\n    - d: 3\n", file="f.yml").root
    assert Spot(root).at("a", "c", 1, "d").line == 5
    entry = root.entries["a"].value.entries["b"]
    assert (entry.line, entry.column, entry.value.line, entry.value.column) == (2, 3, 2, 6)


# YAML refuses control characters and folds line separators that JSON takes as they are.
_CHARACTERS = st.characters(exclude_categories=("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"))
_TEXTS = st.text(_CHARACTERS | st.sampled_from("\n\t"), max_size=12)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(_TEXTS.filter(lambda key: key not in {"", "<<"}), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(_TEXTS.filter(lambda key: key not in {"", "<<"}), _JSON, min_size=1, max_size=4))
def test_json_is_read_as_json(document):
    # JSON escapes characters beyond the first plane in two halves, which YAML does not put together.
    assert _values(json.dumps(document, ensure_ascii=False)) == document


@pytest.mark.parametrize("escape", [r"\ud800", r"\0"])
def test_escapes_that_stand_for_no_character_are_refused(escape):
    assert _problems(f'a: 1\nb: "x{escape}"\n') == [(2, "an escape stands for half a character or for none")]


@given(st.text(alphabet=" \t\n-:[]{}&*!|>'\"%@`#?,~<ab01+.", max_size=40))
def test_any_text_is_read_or_refused_with_a_line_of_the_file(text):
    loaded = load_yaml(text.encode(), file="f.yml")
    assert loaded.root is not None or loaded.problems
    assert all(0 <= problem.line <= text.count("\n") + 2 for problem in loaded.problems)
    assert all(problem.remedy for problem in loaded.problems)
