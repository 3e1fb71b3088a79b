"""`onward schema`: the JSON Schemas of the workspace files, for editors and for the documentation."""

from pathlib import Path
from typing import Annotated

import typer

from resources.control.workspace.schemas import write_schemas
from service.cli.session import console

FolderOption = Annotated[Path, typer.Option("--to", help="Folder to write to.")]


def schema(folder: FolderOption = Path("docs/schemas")) -> None:
    """Write the JSON Schema of every workspace file."""
    changed = write_schemas(folder)
    for path in changed:
        console().print(f"wrote {path}", markup=False)
    if not changed:
        console().print(f"{folder} is up to date", markup=False)
