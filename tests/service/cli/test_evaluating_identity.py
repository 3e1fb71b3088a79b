"""How often the links of a night are right, by a file of labels."""

from datetime import date

import polars as pl
import pytest

from pipelines.contracts.tables import CUSTOMER_LINKS
from service.cli.exit_codes import ExitCode

NIGHT = date(2017, 12, 3)
PEOPLE = "source,customer_ref,person\nshop,01,p\nshop,02,p\nshop,03,p\nshop,zz,q\n"


@pytest.fixture
def night(workspace, publish):
    """01 and 02 are one person to us, 03 another."""
    publish(
        NIGHT,
        {
            CUSTOMER_LINKS: [
                {"source": "shop", "customer_ref": reference, "customer_id": person, "linked_on": NIGHT,
                 "method": "shared_email", "confidence": 0.95}
                for reference, person in (("01", 7), ("02", 7), ("03", 8))
            ]
        },
    )  # fmt: skip
    return workspace


def evaluated(onward, folder, night, text):
    labels = folder / "labels.csv"
    labels.write_text(text)
    return onward("evaluate-identity", labels, "-w", night)


def test_people_measure_precision_and_recall(onward, night, tmp_path):
    shown = evaluated(onward, tmp_path, night, PEOPLE)
    assert shown.code == ExitCode.OK
    assert "3 labelled records on the night 2017-12-03" in shown.out
    assert "left out, as the night has no such record: 1" in shown.out
    assert "pairwise: precision 1.0000, recall 0.3333, f1 0.5000" in shown.out
    # recall of 01 and 02 2/3 each, of 03 1/3: 5/9
    assert "B-cubed: precision 1.0000, recall 0.5556, f1 0.7143" in shown.out


def test_pairs_may_come_as_parquet(onward, night, tmp_path):
    labels = tmp_path / "labels.parquet"
    ends = {"source": "shop", "other_source": "shop", "customer_ref": "01"}
    pl.DataFrame(
        [
            ends | {"other_customer_ref": "02", "is_same": True},
            ends | {"other_customer_ref": "03", "is_same": False},
        ]
    ).write_parquet(labels)
    shown = onward("evaluate-identity", labels, "-w", night, "--date", "2017-12-03")
    assert shown.code == ExitCode.OK
    assert "pairwise: precision 1.0000, recall 1.0000, f1 1.0000" in shown.out
    assert "left out" not in shown.out


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("source,person\nshop,p\n", "there is no column customer_ref"),
        ("source,customer_ref,person\nshop,01,\n", "row 1 below the header has an empty cell"),
        ("source,customer_ref,person\nshop,zz,p\n", "none of the 1 labelled records is linked on that night"),
        ("", "cannot be read: NoDataError"),
    ],
)
def test_labels_that_cannot_be_used_are_refused(onward, night, tmp_path, text, what):
    shown = evaluated(onward, tmp_path, night, text)
    assert shown.code == ExitCode.USAGE
    assert what in shown.err.replace("\n", " ")
    assert "give source, customer_ref, person" in shown.err.replace("\n", " ")


@pytest.mark.parametrize("name", ["absent.csv", "absent.parquet"])
def test_a_file_that_is_not_there_is_refused(onward, night, tmp_path, name):
    shown = onward("evaluate-identity", tmp_path / name, "-w", night)
    assert shown.code == ExitCode.USAGE
    assert "cannot be read: FileNotFoundError" in shown.err.replace("\n", " ")


def test_a_parquet_file_that_is_none_is_refused(onward, night, tmp_path):
    labels = tmp_path / "labels.parquet"
    labels.write_text("source")
    shown = onward("evaluate-identity", labels, "-w", night)
    assert shown.code == ExitCode.USAGE
    assert "cannot be read" in shown.err


def test_before_the_first_night_there_is_nothing_to_measure(onward, workspace, tmp_path):
    shown = evaluated(onward, tmp_path, workspace, PEOPLE)
    assert shown.code == ExitCode.USAGE
    assert "no night has linked records yet" in shown.err
