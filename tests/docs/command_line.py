"""A written command compared with the program's: does it exist, has it these options, would it take the values."""

from __future__ import annotations

import re

import click

from proofward.cli.main import main

PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9_.@:-]*|\$.*|.*\$.*|\[|\]|\.\.\.|…")
"""Words in capitals and shell variables stand for something: their values are not looked at."""


class NotTheProgram(AssertionError):
    """What a document says and the program does not know."""


def leaf(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the first words name, and the others."""
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if PLACEHOLDER.fullmatch(rest[0]):
            break
        found = command.commands.get(rest[0])
        if found is None:
            raise NotTheProgram(f"no command {rest[0]}")
        command = found
        rest = rest[1:]
    return command, rest


def options_of(command: click.Command) -> dict[str, click.Parameter]:
    """Every spelling of its options."""
    context = click.Context(command)
    return {
        name: parameter
        for parameter in command.get_params(context)
        if isinstance(parameter, click.Option)
        for name in (*parameter.opts, *parameter.secondary_opts)
    }


def all_options() -> set[str]:
    """The options of all commands."""
    found, left = set(), [main]
    while left:
        command = left.pop()
        found |= set(options_of(command))
        if isinstance(command, click.Group):
            left += command.commands.values()
    return found


def _check_value(parameter: click.Option, value: str) -> None:
    if PLACEHOLDER.fullmatch(value) or isinstance(parameter.type, click.Path):
        return
    try:
        parameter.type.convert(value, parameter, None)
    except click.BadParameter as error:
        raise NotTheProgram(f"{parameter.opts[0]} {value}: {error.message}") from error


def check(words: list[str], whole: bool) -> None:
    """Raises NotTheProgram. whole: nothing that the command needs may be left out."""
    command, rest = leaf(words)
    if isinstance(command, click.Group):
        if whole and not {"--help", "-h", "--version"} & set(rest):
            raise NotTheProgram(f"{command.name} needs a command")
        rest = [word for word in rest if not PLACEHOLDER.fullmatch(word)]
    known, arguments, given = options_of(command), [], set()
    while rest:
        word, rest = rest[0], rest[1:]
        if word == "--":
            break
        if not word.startswith("-") or PLACEHOLDER.fullmatch(word):
            arguments.append(word)
            continue
        name, equals, value = word.partition("=")
        if name not in known:
            raise NotTheProgram(f"{command.name} has no option {name}")
        parameter = known[name]
        given.add(parameter.name)
        assert isinstance(parameter, click.Option)
        if parameter.is_flag or parameter.count:
            continue
        if not equals:
            if not rest:
                if whole:
                    raise NotTheProgram(f"{command.name} {name}: a value is missing")
                break
            value, rest = rest[0], rest[1:]
        if parameter.nargs > 1:
            if len(rest) < parameter.nargs - 1:
                raise NotTheProgram(f"{command.name} {name}: {parameter.nargs} values are needed")
            rest = rest[parameter.nargs - 1 :]
            continue
        _check_value(parameter, value)
    expected = [entry for entry in command.get_params(click.Context(command)) if isinstance(entry, click.Argument)]
    if all(entry.nargs == 1 for entry in expected) and len(arguments) > len(expected):
        raise NotTheProgram(f"{command.name} takes {len(expected)} arguments, found {arguments}")
    if not whole or {"--help", "-h"} & set(words):
        return
    if len(arguments) < sum(entry.required for entry in expected):
        raise NotTheProgram(f"{command.name} needs {len(expected)} arguments, found {arguments}")
    for entry in known.values():
        if entry.required and entry.name not in given:
            raise NotTheProgram(f"{command.name} needs {entry.opts[0]}")
