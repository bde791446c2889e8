"""A process that has imported `proofward` and loaded its kernels, and copies itself for every command.

A command takes half a second of processor time until it begins, and two with kernels; documents hold a hundred.
`ready.py serve SOCKET` waits for commands until its standard input ends. `ready.py ask SOCKET WORDS` hands it
words, folder, environment and the three standard files; what then runs is `python -m proofward WORDS` in a
process of its own, of which the exit code comes back.
"""

from __future__ import annotations

import json
import os
import socket
import sys

STANDARD = (0, 1, 2)
LENGTH = 8


def ask(path: str, words: list[str]) -> int:
    """The exit code of the command."""
    asked = json.dumps([words, os.getcwd(), dict(os.environ)]).encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        socket.send_fds(connection, [len(asked).to_bytes(LENGTH, "big")], STANDARD)
        connection.sendall(asked)
        return int(connection.recv(LENGTH) or b"1")


def serve(path: str) -> None:
    """Until standard input ends. A command ends in here, as any program does."""
    import select

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection = listener.accept()[0]
            if os.fork() == 0:
                listener.close()
                if os.fork() == 0:  # nobody waits for the one that answers
                    answer(connection)
                os._exit(0)
            connection.close()
            os.wait()


def answer(connection: socket.socket) -> None:
    """Runs what a connection asks for, in a child, and answers with its exit code."""
    head, files, _, _ = socket.recv_fds(connection, LENGTH, len(STANDARD))
    left, asked = int.from_bytes(head, "big"), b""
    while len(asked) < left:
        asked += connection.recv(left - len(asked))
    child = os.fork()
    if child == 0:
        connection.close()
        become(files, *json.loads(asked))
    _, status = os.waitpid(child, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status) % 256).encode())


def become(files: list[int], words: list[str], folder: str, environment: dict[str, str]) -> None:
    """Runs the command, as if this process had been started for it."""
    import runpy

    for file, standard in zip(files, STANDARD, strict=True):
        os.dup2(file, standard)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["proofward", *words]
    runpy.run_module("proofward", run_name="__main__", alter_sys=True)


APART = ("proofward.__main__", "proofward.api", "proofward.console", "proofward.engines.flare")
"""What few commands need, and what brings large packages with it."""


def load() -> None:
    """Imports the package and loads its kernels."""
    import importlib
    import pkgutil

    import proofward
    from proofward.cli.common.console import make_console
    from proofward.cli.common.kernels import load_kernels

    for module in pkgutil.walk_packages(proofward.__path__, "proofward."):
        if not module.name.startswith(APART):
            importlib.import_module(module.name)
    load_kernels(make_console(quiet=True))


if __name__ == "__main__":
    if sys.argv[1] == "ask":
        raise SystemExit(ask(sys.argv[2], sys.argv[3:]))
    load()
    serve(sys.argv[2])
