"""Commands that the documents name exist, with these options: whether or not `test_run.py` runs them."""

from __future__ import annotations

import configparser
import re
import tomllib

import pytest

from proofward import __version__
from proofward.engines.operations import metrics
from tests.docs.blocks import (
    DATA,
    DOCUMENTS,
    PAGES,
    READ,
    ROOT,
    RUN,
    Block,
    blocks,
    calls,
    contained,
    inline,
    text_of,
)
from tests.docs.command_line import NotTheProgram, all_options, check

FOREIGN = {"--constraint", "proofward bundle 1"}
"""What looks like an option or a command of the program: an option of pip, the first line of a file."""
BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.place)
def test_every_block_says_what_it_is(block: Block):
    assert block.kind in (RUN, READ, *DATA), f"{block.place}: expected a kind of block, found {block.kind!r}"
    assert (block.kind == READ) == bool(block.reason), f"{block.place}: read only, and the line above says why"
    if block.kind in DATA:
        assert not calls(block.text) or block.kind == "ini", f"{block.place}: commands in a block of data"


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.kind in (RUN, READ)], ids=lambda b: b.place)
def test_commands_of_blocks_exist(block: Block):
    for words in calls(block.text):
        try:
            check(words, whole=True)
        except NotTheProgram as error:
            pytest.fail(f"{block.place}: proofward {' '.join(words)}: {error}")


@pytest.mark.parametrize("document", PAGES)
def test_commands_within_sentences_exist(document):
    known, wrong = all_options() | FOREIGN, []
    for line, text in inline(document):
        if text.startswith("--"):
            name = re.split(r"[ =\[]", text)[0]
            if name not in known:
                wrong.append(f"{document}:{line}: no command has {name}")
        if not re.match(r"\S*\bproofward \w", text) or text in FOREIGN:
            continue
        try:
            for words in calls(re.sub(r"[\[\]]", " ", text)):
                check(words, whole=False)
        except NotTheProgram as error:
            wrong.append(f"{document}:{line}: `{text}`: {error}")
    assert wrong == []


def test_most_of_the_commands_are_run():
    """The parts of deploy.md that cannot be run here are few and known."""
    kinds = [(block.heading.split()[0], block.kind) for block in blocks("docs/deploy.md")]
    assert {heading for heading, kind in kinds if kind == READ} == {"1", "6"}
    assert {heading for heading, kind in kinds if kind == RUN} >= {"2", "9", "10"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("start KIT --detatch", "no option --detatch"),
        ("begin KIT", "no command begin"),
        ("model export KIT --to onnx", "onnx"),
        ("stop", "needs 1 arguments"),
        ("stop a b", "takes 1 arguments"),
        ("enrol KIT", "needs --data"),
        ("consortium init DIR --deadline 0", "--deadline 0"),
        ("consortium", "needs a command"),
        ("start KIT --metrics", "a value is missing"),
    ],
)
def test_what_the_program_has_not_is_found(words, said):
    with pytest.raises(NotTheProgram, match=re.escape(said)):
        check(words.split(), whole=True)


def test_a_block_that_is_neither_run_nor_explained_is_found():
    text = "# T\n<!-- not run: because it needs root -->\n```console\nproofward stop KIT\n```\n\n```\nx\n```\n"
    explained, bare = blocks("x.md", text)
    assert explained.reason == "because it needs root" and calls(explained.text) == [["stop", "KIT"]]
    with pytest.raises(AssertionError, match="expected a kind of block"):
        test_every_block_says_what_it_is(bare)
    silent = blocks("x.md", "```console\nproofward stop KIT\n```\n")[0]
    with pytest.raises(AssertionError, match="says why"):
        test_every_block_says_what_it_is(silent)


def test_words_are_taken_apart_as_a_shell_does():
    text = "for x in a b; do bin/proofward join kits/$x; done && proofward stop \\\n  K  # proofward start\n"
    assert calls(text) == [["join", "kits/$x"], ["stop", "K"]]
    assert calls('until x; do :; done\nF=$(proofward status "$K" --json | python3 -c "p; q")\n')[0][:1] == ["status"]


def test_the_install_commands_name_what_is_there():
    extras = tomllib.loads(text_of("pyproject.toml"))["project"]["optional-dependencies"]
    lines = [line for document in DOCUMENTS for line in text_of(document).splitlines() if "pip install" in line]
    assert len(lines) >= 3
    for line in lines:
        for names in re.findall(r"'\.\[([\w,]+)\]'", line):
            assert set(names.split(",")) <= set(extras), line
        assert "--constraint constraints.txt" in line and (ROOT / "constraints.txt").exists()
    targets = re.findall(r"^(\w+):", text_of("Makefile"), re.MULTILINE)
    for block in BLOCKS:
        for target in re.findall(r"^make (\w+)", block.text, re.MULTILINE):
            assert target in targets, block.place


def test_what_containers_run_is_there():
    services = tuple(re.findall(r"^  ([a-z-]+):$", text_of("compose.yaml").partition("networks:\n")[0], re.MULTILINE))
    found = [entry for block in BLOCKS for entry in contained(block.text)]
    assert len(found) >= 4
    for name, words in found:
        assert name in (*services, "$site", f"proofward:{__version__}"), name
        check(words, whole=True)


def test_the_unit_and_the_alerts_name_what_is_there():
    (unit,) = [block for block in BLOCKS if block.kind == "ini"]
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(unit.text)
    (words,) = calls(parser["Service"]["ExecStart"])
    check(words, whole=True)
    named = {name for block in BLOCKS if block.kind == "yaml" for name in re.findall(r"proofward_\w+", block.text)}
    source = (ROOT / "proofward" / "engines" / "operations" / "metrics.py").read_text()
    assert metrics.__doc__ and len(named) >= 3
    for name in named:
        assert name.removeprefix("proofward_").removesuffix("_total") in source, name
