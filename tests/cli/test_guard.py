"""However a command ends, it ends with a sentence and the exit code that is documented."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from proofward.cli.common.guard import TRACEBACK_VARIABLE, sentence_of
from proofward.cli.main import main
from proofward.ledger.errors import LedgerUnavailable


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


def groups(group: click.Group) -> Iterator[click.Group]:
    yield group
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from groups(command)


COMMANDS = list(leaves(main))
IDS = [" ".join(path) for path, _ in COMMANDS]


def ending(monkeypatch, command: click.Command, path: tuple[str, ...], error: BaseException, *more: str):
    """What becomes of a command whose body does nothing but raise."""

    def body(**options: object) -> None:
        raise error

    monkeypatch.setattr(command, "callback", body)
    monkeypatch.setattr(command, "params", [click.Option(["--json", "as_json"], is_flag=True)])
    return CliRunner().invoke(main, [*path, *more])


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
@pytest.mark.parametrize("error", [TypeError("secret: /home/me/code.py"), AssertionError(), KeyError(7)])
def test_an_unexpected_exception_is_a_sentence(monkeypatch, path, command, error):
    result = ending(monkeypatch, command, path, error)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("Error: something unexpected happened") and result.stderr.count("\n") == 1
    assert TRACEBACK_VARIABLE in result.stderr
    for raw in ("Traceback", ".py", "secret", type(error).__name__):
        assert raw not in result.output
    document = ending(monkeypatch, command, path, error, "--json")
    told = json.loads(document.stdout)
    assert told == {"error": result.stderr.removeprefix("Error: ").strip(), "exit_code": 1}


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=IDS)
def test_every_command_ends_with_the_documented_codes(monkeypatch, path, command):
    codes = {
        KeyboardInterrupt(): (130, "stopped by Ctrl-C\n"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"): (141, ""),
        OSError(errno.ENOSPC, "No space left on device", "/somewhere"): (
            1,
            "Error: /somewhere: No space left on device\n",
        ),
        SystemExit(1): (1, ""),
        SystemExit(): (0, ""),
    }
    for error, (code, said) in codes.items():
        result = ending(monkeypatch, command, path, error)
        assert (result.exit_code, result.stderr) == (code, said), error


def test_who_reports_a_fault_gets_the_traceback(monkeypatch):
    monkeypatch.setenv(TRACEBACK_VARIABLE, "1")
    path, command = COMMANDS[0]
    result = ending(monkeypatch, command, path, TypeError("what happened"))
    assert result.exit_code == 1 and "what happened" in result.stderr and "Traceback" in result.stderr


def test_errors_of_the_project_are_sentences_already():
    assert (
        sentence_of(LedgerUnavailable("ledger", "a ledger", "nothing"))
        == "ledger: expected a ledger, found nothing"
    )
    assert "memory" in sentence_of(MemoryError())


def test_a_document_that_was_printed_is_the_only_one(monkeypatch):
    from proofward.cli.common.console import print_json

    def body(**options: object) -> None:
        print_json({"did": "it"})
        raise RuntimeError

    path, command = COMMANDS[0]
    monkeypatch.setattr(command, "callback", body)
    monkeypatch.setattr(command, "params", [click.Option(["--json"], is_flag=True)])
    result = CliRunner().invoke(main, [*path, "--json"])
    assert json.loads(result.stdout) == {"did": "it"} and result.exit_code == 1


def test_a_question_without_an_answer_is_no_interruption(monkeypatch):
    def body(**options: object) -> None:
        click.confirm("is it so?")

    path, command = COMMANDS[0]
    monkeypatch.setattr(command, "callback", body)
    monkeypatch.setattr(command, "params", [])
    result = CliRunner().invoke(main, list(path), input="")
    assert result.exit_code == 1 and "no answer was given" in result.stderr


SCRIPT = """
import sys, threading, warnings
import click
from proofward.cli.main import main

def body(**options):
    warnings.warn("raw words of a library", RuntimeWarning)
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    if "--many" in sys.argv:
        for _ in range(100_000):
            print("one more line")

command = main.commands["bench"]
command.callback = body
command.params = [click.Option(["--many"], is_flag=True)]
main()
"""


@pytest.mark.slow
def test_warnings_and_threads_write_nothing_raw():
    done = subprocess.run([sys.executable, "-c", SCRIPT, "bench"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == ""
    assert done.stderr.startswith("Error: something unexpected") and done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("bench", "--many"), ("--help",), ("demo", "--help")])
def test_a_closed_pipe_is_no_failure(arguments):
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 141
    assert "Traceback" not in said and "BrokenPipe" not in said


def test_summaries_are_whole():
    for group in groups(main):
        text = "".join(CliRunner().invoke(group, ["--help"]).stdout.split())
        assert "..." not in text.split("Commands:")[1]
        for command in group.commands.values():
            first = "".join(command.help.split("\n\n")[0].split())
            assert first.rstrip(".") in text


def test_alone_it_shows_its_help():
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 0 and "130" in result.stdout and "Commands:" in result.stdout


def test_filters_are_as_before():
    before = warnings.showwarning
    assert CliRunner().invoke(main, ["bench", "--json"]).exit_code == 0
    assert warnings.showwarning is before
