"""Executes the notebooks, each in a new folder, and stores what their cells printed: `make notebooks`.

All are executed by one kernel, whose names are forgotten in between, so that libraries are loaded once. A
cell that raises stops everything.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
NOTEBOOKS = sorted(HERE.glob("*.ipynb"))
PATIENCE = 1800
"""Seconds of a cell: a safeguard against a wait that never ends, not a measure."""
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_FORGET = "get_ipython().run_line_magic('reset', '-f')\nimport os\nos.chdir({folder!r})"


def executed(
    paths: Sequence[Path], folder: Path, programs: Path = Path(sys.executable).parent
) -> Iterator[tuple[Path, nbformat.NotebookNode]]:
    """Each notebook with the outputs of a run in a folder of its own below `folder`.

    programs: the folder of the program `proofward`.
    """
    book = nbformat.v4.new_notebook(metadata=_METADATA)
    client = NotebookClient(
        book, timeout=PATIENCE, kernel_name="python3", record_timing=False, coalesce_streams=True
    )
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    with client.setup_kernel(env={**os.environ, "PATH": path}, cwd=str(folder)):
        for place in paths:
            own = folder / place.stem
            own.mkdir()
            found = nbformat.read(place, as_version=4)
            cells = found.cells
            start = nbformat.v4.new_code_cell(_FORGET.format(folder=str(own)))
            client.nb = book = nbformat.v4.new_notebook(metadata=_METADATA, cells=[start, *cells])
            for number, cell in enumerate(book.cells):
                client.execute_cell(cell, number)
            kept = [_plain(number, cell, own) for number, cell in enumerate(cells, 1)]
            yield place, nbformat.v4.new_notebook(metadata=_METADATA, cells=kept)


def _plain(number: int, cell: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """A cell without what differs from run to run and says nothing."""
    cell.id, cell.metadata = f"cell-{number}", {}
    if cell.cell_type == "code":
        cell.execution_count = None
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = None
            if "text" in output:
                output.text = output.text.replace(f"{folder}/", "")
    return cell


def main() -> None:
    """Stores the outputs in the notebooks."""
    with tempfile.TemporaryDirectory() as folder:
        for path, book in executed(NOTEBOOKS, Path(folder)):
            nbformat.write(book, path)
            print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
