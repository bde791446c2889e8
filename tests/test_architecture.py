"""The folders are layers: imports go downwards only.

Files stay short, nothing is pickled, and benchmarks can be run.
"""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from proofward.engines.registry import ENGINES
from tests.sources import imported_modules, nodes_of, text_of, tree_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "proofward"
LAYERS = (
    "catalogue",
    "encoding",
    "field",
    "proof",
    "lattice",
    "layers",
    "optimizers",
    "relations",
    "privacy",
    "ledger",
    "attestation",
    "witness",
    "federation",
    "chain",
    "statistics",
    "engines",
    "data",
    "models",
    "report",
    "charts",
    "dossier",
    "console",
    "cli",
    "api",
)
WINGS = {
    "layers": (
        "basics",
        "columns",
        "rules",
        "arithmetic",
        "averaging",
        "affine_layers",
        "convolutions",
        "activations",
        "heads",
        "networks",
        "local_training",
        "gradient_clipping",
        "references",
    ),
    "relations": (
        "rules",
        "networks",
        "records",
        "uploads",
        "scores",
        "training_rounds",
        "counting_rounds",
        "evaluations",
        "predictions",
        "proofs",
    ),
    "federation": ("committees", "messages", "storage", "history", "parties"),
    "federation/messages": ("basics", "consortium", "records"),
    "federation/history": ("state", "proving", "sharing", "sums", "light", "saved", "steps", "progress"),
    "federation/parties": ("equipment", "following", "contributing", "checking"),
    "chain": ("contract", "basics", "state", "nodes", "disputes"),
    "engines/remote": ("agreement", "carrying", "hosting", "memory_sticks"),
    "engines/flare": ("kits", "condition"),
    "data": ("frozen", "images", "columns", "tables", "reading", "inspection"),
    "data/images": ("contract", "pixels", "readers"),
    "models/graph": ("parts", "onnx", "torch", "frozen"),
    "report": ("handover", "figures", "histograms", "audits", "demonstrations", "comparing"),
    "report/handover": ("models", "predictions", "formats", "secrets"),
    "dossier": ("parts", "record", "sections"),
    "cli": ("common", "project", "kit", "run", "evidence"),
    "cli/project": ("tables", "consortium_file", "words"),
    "cli/kit": ("records",),
    "cli/run": ("running", "words", "demos"),
    "cli/evidence": ("models", "predictions", "anchor", "ledgers"),
}
"""Layers within a folder, the lowest first. The folder's own files are above them."""
MOST_FILES = 20
LARGE = {"field", "proof", "proof/commitment/ligero"}
"""Folders with more files than that, which have no wings yet."""
SOURCES = sorted(PACKAGE.rglob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").glob("[a-z]*.py"))
TESTS = sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")])


def layer_of(module: str) -> int | None:
    """Position of a module's layer, None for modules of other packages and for the package itself."""
    parts = module.split(".")
    if parts[0] != "proofward" or len(parts) < 2:
        return None
    return LAYERS.index(parts[1])


@pytest.mark.slow
def test_imports_go_downwards() -> None:
    above = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in SOURCES
        if len(parts := path.relative_to(PACKAGE).parts) > 1
        for name in sorted(imported_modules(path))
        if (layer_of(name) or 0) > LAYERS.index(parts[0])
    ]
    assert not above, "\n".join(above)


@pytest.mark.parametrize("folder", WINGS)
def test_imports_between_wings_go_downwards(folder: str) -> None:
    wings, place = WINGS[folder], PACKAGE / folder
    assert {path.name for path in place.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(wings)
    prefix = f"proofward.{folder.replace('/', '.')}"
    for path in place.glob("*/**/*.py"):
        own = wings.index(path.relative_to(place).parts[0])
        for name in inside(names_imported(path), prefix) - {prefix}:
            wing = name.removeprefix(f"{prefix}.").split(".")[0]
            found = wings.index(wing) if wing in wings else len(wings)
            assert found <= own, f"{path.relative_to(ROOT)} imports upwards: {name}"


def test_folders_have_few_files() -> None:
    counts = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in SOURCES)
    assert {folder for folder, count in counts.items() if count > MOST_FILES} == LARGE


def test_only_the_registry_imports_an_engine_by_name() -> None:
    """Commands and reports ask the registry for a kit's engine; an engine knows no other."""
    engines = {name: f"proofward.engines.{name}" for name in ENGINES}
    registry = PACKAGE / "engines" / "registry.py"
    assert {name for name in imported_modules(registry) if name.startswith(tuple(engines.values()))}
    for path in set(SOURCES) - {registry}:
        for engine, prefix in engines.items():
            if path.is_relative_to(PACKAGE / "engines" / engine):
                continue
            named = {name for name in imported_modules(path) if f"{name}.".startswith(f"{prefix}.")}
            assert not named, f"{path.relative_to(ROOT)} imports the engine {engine}: {sorted(named)}"
            if path.is_relative_to(PACKAGE / "cli"):
                words = {node.value for node in nodes_of(path) if isinstance(node, ast.Constant)}
                assert engine not in words, f"{path.relative_to(ROOT)} names the engine {engine}"


def names_imported(path: Path) -> set[str]:
    """What a file imports, modules and what it takes from them."""
    taken = {
        f"{node.module}.{alias.name}"
        for node in nodes_of(path)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return taken | imported_modules(path)


def inside(names: set[str], package: str) -> set[str]:
    """Those of a package."""
    return {name for name in names if f"{name}.".startswith(f"{package}.")}


COMMITMENT = PACKAGE / "proof" / "commitment"
SCHEMES = sorted(path.parent.name for path in COMMITMENT.glob("*/__init__.py"))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_only_the_registry_imports_a_commitment_scheme(scheme: str) -> None:
    """Everything else holds opaque commitments and knows the contract."""
    package, registry = f"proofward.proof.commitment.{scheme}", COMMITMENT / "registry.py"
    assert len(inside(set(imported_modules(registry)), package)) == 1, "one line for a scheme"
    for path in {*SOURCES, *(ROOT / "benchmarks").glob("*.py")} - {registry}:
        if not path.is_relative_to(COMMITMENT / scheme):
            named = inside(names_imported(path), package)
            assert not named, f"{path.relative_to(ROOT)} imports the scheme {scheme}: {sorted(named)}"
    tests = {path.parent.name for path in TESTS if inside(names_imported(path), package)}
    assert tests <= {"proof", "relations", "layers"}, "tests above the relations know no scheme"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_commitment_scheme_knows_no_party(scheme: str) -> None:
    parties = {f"proofward.proof.{name}" for name in ("party", "prover", "verifier", "counter", "simulator")}
    files = [COMMITMENT / "contract.py", *sorted((COMMITMENT / scheme).glob("*.py"))]
    assert len(files) > 2
    for path in files:
        named = imported_modules(path) & parties
        assert not named, f"{path.relative_to(ROOT)} imports {sorted(named)}"


def test_there_is_a_commitment_scheme() -> None:
    assert SCHEMES and (COMMITMENT / "contract.py").exists()


def test_no_circle_of_imports() -> None:
    graph = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): imported_modules(path) for path in SOURCES
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, f"circle: {' -> '.join((*trail, module))}"
        if module not in done:
            for name in sorted(graph[module] & set(graph)):
                visit(name, (*trail, module))
            done.add(module)

    for module in graph:
        visit(module, ())


def test_every_folder_is_a_layer() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders <= set(LAYERS)


def too_long(paths: list[Path]) -> list[str]:
    lengths = {path: text_of(path).count("\n") for path in paths}
    return [f"{path.relative_to(ROOT)} has {lines} lines" for path, lines in lengths.items() if lines > 300]


def test_files_have_a_docstring_and_at_most_300_lines() -> None:
    bare = [str(path.relative_to(ROOT)) for path in SOURCES if not ast.get_docstring(tree_of(path))]
    assert len(SOURCES) > 400 and not bare, f"no docstring: {bare}"
    assert not too_long(SOURCES)


def test_the_median_file_is_short() -> None:
    lengths = sorted(text_of(path).count("\n") for path in SOURCES)
    assert lengths[len(lengths) // 2] < 200


def packages(path: Path) -> set[str]:
    """The packages that a file imports from."""
    return {name.split(".")[0] for name in imported_modules(path)}


def test_nothing_is_pickled() -> None:
    forbidden = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
    pickling = [path for path in SOURCES if packages(path) & forbidden or "allow_pickle=True" in text_of(path)]
    assert not pickling


OUTSIDE = {
    "models/graph/torch/from_torch.py": {"torch"},
    "models/graph/onnx/from_onnx.py": {"onnx"},
    "models/graph/onnx/operators.py": {"onnx"},
    "models/graph/torch/runs.py": {"torch"},
    "models/graph/onnx/runs.py": {"onnx", "onnxruntime"},
    "report/handover/formats/exported_torch.py": {"torch"},
    "report/handover/formats/exported_onnx.py": {"onnx", "onnxruntime"},
    "report/handover/formats/monai_bundle.py": {"torch"},
    "report/handover/formats/outside_onnx.py": {"onnx", "onnxruntime"},
}
"""Files that bring networks in and out, and what they alone import."""


FRAMEWORKS = {"torch", "onnx", "onnxruntime", "onnxscript", "tensorflow", "jax"}


def imported_at_once(path: Path) -> set[str]:
    """The packages that are imported as soon as a file is."""
    nodes = tree_of(path).body
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


def test_only_imports_and_exports_of_networks_need_torch_or_onnx() -> None:
    used = {path.relative_to(PACKAGE).as_posix(): packages(path) & FRAMEWORKS for path in SOURCES}
    assert {own: names for own, names in used.items() if names} == OUTSIDE
    early = [path for path in SOURCES if imported_at_once(path) & FRAMEWORKS]
    assert not early, "imported before it is needed"


def test_files_of_tests_and_benchmarks_have_at_most_300_lines() -> None:
    assert len(TESTS) > 300 and not too_long(TESTS)


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.name)
def test_benchmarks_are_commands_with_a_smallest_size(path: Path) -> None:
    tree = tree_of(path)
    assert "main" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    guard = tree.body[-1]
    assert isinstance(guard, ast.If) and ast.unparse(guard.test) == "__name__ == '__main__'"
    assert "main(" in ast.unparse(guard.body[0])
    assert "--smallest" in text_of(path)
