"""The tools that are measured, each behind the same two steps: open a file, give a page's rows."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

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
def plumber(path: Path) -> Iterator[ReadPage]:
    """pdfplumber's `extract_tables`."""
    import pdfplumber

    logging.getLogger("pdfminer").setLevel(logging.ERROR)
    with pdfplumber.open(path) as pdf:

        def read(number: int) -> list[Cells]:
            page = pdf.pages[number]
            tables = page.extract_tables()
            page.close()
            return [tuple(cell or "" for cell in row) for table in tables for row in table]

        yield read


@contextmanager
def pymupdf(path: Path) -> Iterator[ReadPage]:
    """PyMuPDF's `find_tables`."""
    import pymupdf as library

    with library.open(path) as pdf:

        def read(number: int) -> list[Cells]:
            tables = pdf[number].find_tables().tables
            rows = [row for table in tables for row in table.extract()]
            return [tuple(cell or "" for cell in row) for row in rows]

        yield read


@contextmanager
def camelot(path: Path) -> Iterator[ReadPage]:
    """camelot's lattice flavour, meant for ruled tables."""
    import camelot as library

    def read(number: int) -> list[Cells]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tables = library.read_pdf(str(path), pages=str(number + 1), flavor="lattice")
        return [tuple(row) for table in tables for row in table.df.itertuples(index=False)]

    yield read


@contextmanager
def tabula(path: Path) -> Iterator[ReadPage]:
    """tabula-java's lattice mode, its virtual machine started once in this process."""
    import tabula as library

    def read(number: int) -> list[Cells]:
        tables = library.read_pdf(
            path,
            pages=number + 1,
            lattice=True,
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
        rows = []
        for table in pdf.extract_tables(number):
            for row in table["rows"]:
                rows.append(tuple(cell["text"] for cell in row["cells"]))
        return rows

    yield read


FLOOR = Tool("pypdfium2, bare text", bare_text)
OTHERS = (
    Tool("pdfplumber", plumber),
    Tool("camelot (lattice)", camelot),
    Tool("tabula-java (lattice)", tabula),
    Tool("PyMuPDF `find_tables`", pymupdf),
    Tool("pdf_oxide", oxide),
)
