"""FLARE's processes import what is installed and nothing else, wherever the kit lies and whatever is in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from nvflare.apis.job_launcher_spec import JobProcessArgs

from proofward.engines.contract import KitError
from proofward.engines.flare.kits.isolation import code_in, empty_folder
from proofward.engines.flare.launcher import ServerLauncher, SiteLauncher, job_command
from proofward.engines.operations.isolation import PATH, SAFE, interpreter, isolated

ROOT = Path(__file__).resolve().parents[2]
CHILD = Path(__file__).parent / "isolated_child.py"


@pytest.fixture(scope="module")
def wheel_python(tmp_path_factory):
    """A Python in whose packages lie ProofWard's files, as a wheel brings them, and the packages of this one."""
    folder = tmp_path_factory.mktemp("wheel") / "a venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next((folder / "lib").glob("python*/site-packages"))
    shutil.copytree(ROOT / "proofward", packages / "proofward")  # with the compiled kernels
    (packages / "rest.pth").write_text(f"{Path(numpy.__file__).parents[1]}\n")
    return folder / "bin" / "python"


FINDER = f"""import importlib.util, sys
class Finder:
    def find_spec(name, path=None, target=None):
        if name == "proofward":
            return importlib.util.spec_from_file_location(name, {str(ROOT / "proofward" / "__init__.py")!r})
sys.meta_path.append(Finder)
"""


@pytest.fixture(scope="module")
def finder_python(tmp_path_factory):
    """A Python with an editable install that puts no folder on the search path, as setuptools makes some."""
    folder = tmp_path_factory.mktemp("finder") / "a venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    packages = next((folder / "lib").glob("python*/site-packages"))
    (packages / "proofward_finder.py").write_text(FINDER)
    (packages / "rest.pth").write_text(f"{Path(numpy.__file__).parents[1]}\nimport proofward_finder\n")
    return folder / "bin" / "python"


@pytest.mark.slow
def test_sites_come_back_and_nothing_planted_is_imported(tmp_path, wheel_python, finder_python):
    """One site runs from an editable install, everybody else from a wheel's; one of either is killed."""
    (tmp_path / "here").mkdir()
    environment = {name: value for name, value in os.environ.items() if name != PATH}
    own = subprocess.run(
        [str(finder_python), "-P", "-c", "import proofward, sys; print(*sys.path, proofward.__file__, sep=chr(10))"],
        capture_output=True, text=True, cwd=tmp_path / "here", env=environment, check=True,
    )  # fmt: skip
    *searched, package = own.stdout.splitlines()
    assert Path(package).parent == ROOT / "proofward" and str(ROOT) not in searched
    run = subprocess.run(
        [str(wheel_python), "-P", str(CHILD), str(tmp_path), str(finder_python)], capture_output=True, text=True,
        timeout=3600, cwd=tmp_path / "here", env=environment, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout.splitlines()[-1])
    assert str(ROOT) not in found["path"]
    assert Path(found["package"]).is_relative_to(wheel_python.parents[1])
    assert found["killed"] == {"hospital-0": [str(finder_python)], "hospital-1": [str(wheel_python)]}
    assert found["submitted"] >= 2
    assert found["imported"] == "" and found["sound"]


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
