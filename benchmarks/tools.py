"""The tools that are measured, each behind the same two steps: open a file, give a page's rows."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.results import ROOT
from flows.registry import load_source
from schemas.source import TableRules

Cells = tuple[str, ...]
# The rows of all tables of a page, which counts from 0.
ReadPage = Callable[[int], list[Cells]]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool by the name that its users know."""

    name: str
    opened: Callable[[Path], AbstractContextManager[ReadPage]]


@contextmanager
def bare_text(path: Path) -> Iterator[ReadPage]:
    """pdfium's text of a page: the floor, since every reader must parse the page."""
    import pypdfium2

    pdf = pypdfium2.PdfDocument(path)

    def read(number: int) -> list[Cells]:
        page = pdf[number]
        text = page.get_textpage()
        text.get_text_range()
        text.close()
        page.close()
        return []

    yield read
    pdf.close()


@contextmanager
def plumber(path: Path, strategy: str = "lines") -> Iterator[ReadPage]:
    """pdfplumber's `extract_tables`, by ruling lines or by the alignment of text."""
    import pdfplumber

    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    with pdfplumber.open(path) as pdf:

        def read(number: int) -> list[Cells]:
            page = pdf.pages[number]
            settings = {"vertical_strategy": strategy, "horizontal_strategy": strategy}
            tables = page.extract_tables(settings)
            page.close()
            return [tuple(cell or "" for cell in row) for table in tables for row in table]

        yield read


@contextmanager
def pymupdf(path: Path, strategy: str = "lines") -> Iterator[ReadPage]:
    """PyMuPDF's `find_tables`, by lines or by text."""
    import pymupdf as library

    with library.open(path) as pdf:

        def read(number: int) -> list[Cells]:
            tables = pdf[number].find_tables(strategy=strategy).tables
            rows = [row for table in tables for row in table.extract()]
            return [tuple(cell or "" for cell in row) for row in rows]

        yield read


@contextmanager
def camelot(path: Path, flavor: str = "lattice") -> Iterator[ReadPage]:
    """camelot: lattice for ruled tables, stream for others."""
    import camelot as library

    def read(number: int) -> list[Cells]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tables = library.read_pdf(str(path), pages=str(number + 1), flavor=flavor)
        return [tuple(row) for table in tables for row in table.df.itertuples(index=False)]

    yield read


@contextmanager
def tabula(path: Path, mode: str = "lattice") -> Iterator[ReadPage]:
    """tabula-java in either mode, its virtual machine started once in this process."""
    import tabula as library

    def read(number: int) -> list[Cells]:
        tables = library.read_pdf(
            path,
            pages=number + 1,
            lattice=mode == "lattice",
            stream=mode == "stream",
            output_format="json",
            silent=True,
        )
        return [tuple(cell["text"] for cell in row) for table in tables for row in table["data"]]

    yield read


@contextmanager
def oxide(path: Path) -> Iterator[ReadPage]:
    """pdf_oxide's `extract_tables`."""
    from pdf_oxide import PdfDocument

    pdf = PdfDocument(str(path))

    def read(number: int) -> list[Cells]:
        rows = [row for table in pdf.extract_tables(number) for row in table["rows"]]
        return [tuple(cell["text"] for cell in row["cells"]) for row in rows]

    yield read


def our_rules() -> TableRules | None:
    """What the shipped source says of the list's columns."""
    return load_source(ROOT / "sources" / "cigna_commercial_dme.yml").table


@contextmanager
def ours(path: Path) -> Iterator[ReadPage]:
    """Our reader with both gates of a page: the fast engine and its checks."""
    from extractors.pdf import sheets
    from extractors.reading import Row

    found = sheets(path.read_bytes(), our_rules())

    def read(number: int) -> list[Cells]:
        sheet = next(found)
        assert sheet.number == number + 1, "our reader goes forward, a page at a time"
        return [line.cells for line in sheet.lines if isinstance(line, Row)]

    yield read


OURS = Tool("precert", ours)
FLOOR = Tool("pypdfium2, bare text", bare_text)
FOR_RULED = (
    Tool("pdfplumber", plumber),
    Tool("camelot (lattice)", camelot),
    Tool("tabula-java (lattice)", tabula),
    Tool("PyMuPDF `find_tables`", pymupdf),
    Tool("pdf_oxide", oxide),
)
FOR_UNRULED = (
    Tool("pdfplumber (text)", partial(plumber, strategy="text")),
    Tool("camelot (stream)", partial(camelot, flavor="stream")),
    Tool("tabula-java (stream)", partial(tabula, mode="stream")),
    Tool("PyMuPDF `find_tables` (text)", partial(pymupdf, strategy="text")),
    Tool("pdf_oxide", oxide),
)
TOOLS = {tool.name: tool for tool in (OURS, FLOOR, *FOR_RULED)}
