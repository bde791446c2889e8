"""Dockerfile and compose.yaml read as text: what holds without an engine. Nothing is built or started here."""

import json
import re
import shlex
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVER, COORDINATOR, USER = "server", "coordinator", "10001:10001"
SECRET = re.compile(r"passphrase|password|secret|\.key\b|\.pem\b|startup/|kits/", re.IGNORECASE)


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) of the Dockerfile, continued lines joined, comments left out."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines())
        if word
    ]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for instruction in instructions():
        if instruction[0] == "FROM":
            found.append([])
        found[-1].append(instruction)
    return found


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_every_base_is_pinned_by_exact_tag_and_digest() -> None:
    bases = [rest for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2
    for base in bases:
        assert re.match(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}( AS build)?$", base)
    assert (
        len({base.split()[0] for base in bases}) == 1
    )  # the interpreter is the one the packages are made for


def test_the_runtime_stage_installs_nothing_and_has_no_compiler() -> None:
    runtime = stages()[-1]
    commands = " ".join(rest for word, rest in runtime if word == "RUN")
    for forbidden in ("apt-get", "pip", "gcc", "curl", "wget"):
        assert forbidden not in commands
    assert all("--from=build" in rest for word, rest in runtime if word == "COPY")


def test_the_user_is_fixed_not_root_and_set_before_anything_runs() -> None:
    runtime = stages()[-1]
    words = [word for word, _ in runtime]
    assert dict(runtime)["USER"] == USER
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert "RUN" not in words[words.index("USER") :]
    assert "--uid 10001" in dict(runtime)["RUN"]


def test_nothing_comes_from_an_address_and_apt_is_cleaned() -> None:
    for word, rest in instructions():
        assert word != "ADD"
        assert "http://" not in rest and "https://" not in rest
        if "apt-get install" in rest:
            assert "rm -rf /var/lib/apt/lists" in rest and "--no-install-recommends" in rest


def test_no_secret_is_copied_or_set() -> None:
    for word, rest in instructions():
        if word in ("COPY", "ENV", "ARG"):
            assert not SECRET.search(rest), rest


def test_the_context_is_a_list_of_what_is_allowed() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert lines[0] == "*"
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert allowed == {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", "proofward"}
    copied = {name for word, rest in stages()[0] if word == "COPY" for name in rest.split()[:-1]}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in allowed)
    assert not any(fnmatch(path.name, "*.key") for path in (ROOT / "proofward").rglob("*"))


def test_what_is_written_goes_to_tmp_or_the_kit() -> None:
    set_to = dict(
        pair.partition("=")[::2] for word, rest in stages()[-1] if word == "ENV" for pair in shlex.split(rest)
    )
    assert set_to["NUMBA_CACHE_DIR"].startswith("/tmp/")
    assert set_to["HOME"] == "/tmp"
    assert set_to["PYTHONDONTWRITEBYTECODE"] == "1"


def test_entry_point_and_health_check_are_lists_of_words() -> None:
    runtime = dict(stages()[-1])
    entry = json.loads(runtime["ENTRYPOINT"])
    assert entry[-2].endswith('exec proofward "$@"')  # signals reach the program
    assert json.loads(runtime["CMD"]) == ["start", "/kit"]
    check = json.loads(runtime["HEALTHCHECK"].partition(" CMD ")[2])
    assert check[-1].endswith("> /dev/null")  # reasons may quote data, and engines show a check's output


def test_the_options_of_the_build_exist() -> None:
    text = (ROOT / "Dockerfile").read_text()
    project = (ROOT / "pyproject.toml").read_text()
    for extra in re.findall(r"\$\(ls [^)]*\)\[(\w+)\]", text):
        assert re.search(rf"^{extra} = \[", project, re.MULTILINE), extra
    from proofward.cli.common.kernels import load_kernels

    assert load_kernels.__name__ in text


def test_kernels_are_compiled_from_where_the_image_runs_them() -> None:
    (run,) = [rest for word, rest in stages()[0] if word == "RUN" and "NUMBA_CACHE_DIR" in rest]
    before, _, after = run.partition("NUMBA_CACHE_DIR=/opt/kernels ")
    assert before.rstrip().endswith("cd / &&")  # numba names its cache by the path of the source
    assert after.startswith("/opt/venv/bin/python -P -c ")


def test_every_service_is_confined(services: dict[str, Any]) -> None:
    assert len(services) == 6
    for name, service in services.items():
        assert service["user"] == USER
        assert service["read_only"] is True and service["init"] is True
        assert service["cap_drop"] == ["ALL"] and "cap_add" not in service
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["mem_limit"] and service["cpus"] and service["pids_limit"]
        assert not service.get("privileged") and "devices" not in service
        assert not {"network_mode", "pid", "ipc", "userns_mode"} & service.keys(), name
        assert re.fullmatch(r"[\w/.-]+:\d+\.\d+\.\d+", service["image"])
        (tmpfs,) = service["tmpfs"]
        assert tmpfs.startswith("/tmp:") and {"noexec", "nosuid", "nodev"} <= set(
            tmpfs.split(":")[1].split(",")
        )


def test_only_the_servers_port_is_published(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if service.get("ports")] == [SERVER]
    (port,) = services[SERVER]["ports"]
    assert re.fullmatch(r"(\$\{PROOFWARD_PORT:-\d+\}):\1", port)
    for name, service in services.items():
        assert service["networks"] == (["consortium", "entrance"] if name == SERVER else ["consortium"])


def test_the_sites_network_leads_nowhere_else() -> None:
    yaml = pytest.importorskip("yaml")
    networks = yaml.safe_load((ROOT / "compose.yaml").read_text())["networks"]
    assert networks["consortium"] == {"internal": True}


def test_every_service_has_its_own_kit_and_no_other(services: dict[str, Any]) -> None:
    mounted = {}
    for name, service in services.items():
        (volume,) = service["volumes"]
        source, _, target = volume.rpartition(":")
        assert target == "/kit"
        mounted[name] = source.rpartition("/")[2]
    from proofward.engines.flare.kits.provision import COORDINATOR as KIT

    assert mounted.pop(COORDINATOR) == KIT
    assert all(kit == name for name, kit in mounted.items())


def test_what_ends_by_itself_is_not_started_again(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["restart"] == ("on-failure" if name == COORDINATOR else "unless-stopped")


def test_the_image_has_the_packages_version(services: dict[str, Any]) -> None:
    from proofward import __version__

    assert {service["image"] for service in services.values()} == {f"proofward:{__version__}"}
