"""The one place where a command ends: every exception becomes a sentence and an exit code.

Exit codes: 0 fine, 1 something needs you or a flaw was found, 2 wrong use, 130 stopped by Ctrl-C, 141 when
whoever read the output went away. No exception, warning or source path reaches the screen, unless the
environment has PROOFWARD_TRACEBACK, for a report of a fault.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import click
from click.exceptions import Abort, Exit

from proofward.cli.common.console import CLOSED_PIPE, FLAW, INTERRUPTED, OK, document_printed, print_json

TRACEBACK_VARIABLE = "PROOFWARD_TRACEBACK"
FAULT = f"a fault of ProofWard; set {TRACEBACK_VARIABLE}=1 and repeat the command for what a report needs"
WHOLE_SUMMARY = 1000
"""More characters than a summary in `--help` has: none is cut."""


class GuardedGroup(click.Group):
    """A group whose commands end with a sentence, and whose help has whole sentences."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Runs a command and ends the process with its exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        arguments = list(sys.argv[1:] if args is None else args)
        name = prog_name or "proofward"
        self._main_shell_completion(extra, name, complete_var)
        with _without_noise():
            sys.exit(self._run(arguments, name, extra))

    def _run(self, arguments: list[str], name: str, extra: dict[str, Any]) -> int:
        as_json = "--json" in arguments
        token = document_printed.set(False)
        try:
            code = self._outcome(arguments, name, extra, as_json)
            sys.stdout.flush()
        except OSError as error:
            if not _pipe_is_closed(error):
                raise
            code = _give_up_output()
        finally:
            document_printed.reset(token)
        return code

    def _outcome(self, arguments: list[str], name: str, extra: dict[str, Any], as_json: bool) -> int:
        try:
            with self.make_context(name, list(arguments), **extra) as context:
                self.invoke(context)
            return OK
        except Exit as end:
            return end.exit_code
        except SystemExit as end:
            return _code_of(end)
        except click.ClickException as error:
            _document(error.format_message(), error.exit_code, as_json)
            error.show()
            return error.exit_code
        except (KeyboardInterrupt, Abort, EOFError) as error:
            answered = isinstance(error, KeyboardInterrupt) or isinstance(
                error.__context__, KeyboardInterrupt
            )
            sentence = "stopped by Ctrl-C" if answered else "no answer was given, so nothing was done"
            return _say(sentence, INTERRUPTED if answered else FLAW, as_json)
        except Exception as error:
            if _pipe_is_closed(error):
                return _give_up_output()
            if os.environ.get(TRACEBACK_VARIABLE):
                traceback.print_exc()
            return _say(sentence_of(error), FLAW, as_json)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Without a command the help is the answer."""
        if not args:
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes a line or several a command: its whole first sentence."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [
            (name, found.get_short_help_str(WHOLE_SUMMARY))
            for name, found in commands
            if found and not found.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def sentence_of(error: BaseException) -> str:
    """What the operator is told of an exception that no command has caught.

    The project's own errors are sentences already; of an operating system's error the file and the reason are
    told; of any other nothing, since its words are for who reads the source.
    """
    if isinstance(error, MemoryError):
        return "not enough memory; close other programs or use a larger machine"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    if type(error).__module__.startswith("proofward.") and (words := " ".join(str(error).split())):
        return words
    return f"something unexpected happened: {FAULT}"


def _say(sentence: str, code: int, as_json: bool) -> int:
    """Tells why a command ends on standard error, and as `_document` does."""
    _document(sentence, code, as_json)
    click.echo(f"Error: {sentence}" if code == FLAW else sentence, err=True)
    return code


def _document(sentence: str, code: int, as_json: bool) -> None:
    """With `--json`, the sentence as the command's document, where it has not printed its own."""
    if as_json and not document_printed.get():
        print_json({"error": sentence, "exit_code": code})


def _code_of(end: SystemExit) -> int:
    if end.code is None:
        return OK
    return end.code if isinstance(end.code, int) else FLAW


def _pipe_is_closed(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def _give_up_output() -> int:
    """Lets what is still to be written go nowhere, so that the interpreter's end says nothing of it."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return CLOSED_PIPE


@contextmanager
def _without_noise() -> Iterator[None]:
    """Warnings and the exceptions of threads, which Python writes by itself, are kept from the screen."""
    if os.environ.get(TRACEBACK_VARIABLE):
        yield
        return
    previous = threading.excepthook
    if previous is threading.__excepthook__:
        threading.excepthook = _thread_failed
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _unsaid
            yield
    finally:
        threading.excepthook = previous


def _unsaid(*_warning: object, **_place: object) -> None:
    """Takes the place of `warnings.showwarning`."""


def _thread_failed(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        click.echo(f"Error: {sentence_of(failed.exc_value)}", err=True)
