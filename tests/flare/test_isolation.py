"""FLARE's processes import what is installed and nothing else; a whole federation of them is in `test_consortium`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from nvflare.apis.job_launcher_spec import JobProcessArgs

from proofward.engines.contract import KitError
from proofward.engines.flare.kits.isolation import code_in, empty_folder
from proofward.engines.flare.launcher import ServerLauncher, SiteLauncher, job_command
from proofward.engines.operations.isolation import PATH, SAFE, interpreter, isolated


def test_what_an_isolated_process_imports(tmp_path):
    kit, kept = tmp_path / "kit", tmp_path / "kept"
    for folder in (kit, kept):
        folder.mkdir()
        (folder / f"only_in_{folder.name}.py").write_text("")
    path = os.pathsep.join(["", ".", str(kit), str(kept), "relative", str(kit / "sub"), ""])
    environment = isolated({**os.environ, PATH: path}, kit)
    assert environment[PATH] == str(kept) and environment[SAFE] == "1"
    assert PATH not in isolated({PATH: ""}, kit) and PATH not in isolated({PATH: f":{kit}"}, kit)
    words = "import importlib.util as u; print([bool(u.find_spec('only_in_' + n)) for n in ('kit', 'kept')])"
    for command in (interpreter("-c", words), [sys.executable, "-c", words]):  # a child's child has no -P
        run = subprocess.run(command, cwd=kit, env=environment, capture_output=True, text=True, check=True)
        assert run.stdout.strip() == "[False, True]"


def test_a_jobs_arguments_stay_apart():
    folder = '/a b/it\'s "$HOME" \\n'
    arguments = {
        JobProcessArgs.EXE_MODULE: ("-m", "module"),
        JobProcessArgs.WORKSPACE: ("-m", folder),
        JobProcessArgs.STARTUP_DIR: ("-w", folder + "/startup"),
        JobProcessArgs.APP_ROOT: ("-r", folder + "/app"),
        JobProcessArgs.AUTH_TOKEN: ("-t", "secret"),
        JobProcessArgs.OPTIONS: ("--set", " secure_train=true uid=a print_conf=True"),
    }
    options = ["--set", "secure_train=true", "uid=a", "print_conf=True"]
    site = job_command(arguments, SiteLauncher.names)
    assert site == interpreter("-m", "module", "-m", folder, "-w", folder + "/startup", *options)
    server = job_command(arguments, ServerLauncher.names)
    assert server == interpreter("-m", "module", "-m", folder, "-r", folder + "/app", *options)


def test_folders_of_code_are_refused(tmp_path):
    home = tmp_path / "proofward"
    folder = empty_folder(home)
    assert empty_folder(home) == folder and list(folder.iterdir()) == []
    (folder / "json.py").write_text("")
    with pytest.raises(KitError, match=r"json\.py"):
        empty_folder(home)
    assert code_in(tmp_path) == str(folder)
    (folder / "json.py").unlink()
    assert code_in(tmp_path) == ""
    (tmp_path / "local" / "custom").mkdir(parents=True)
    assert code_in(tmp_path) == str(tmp_path / "local" / "custom")
