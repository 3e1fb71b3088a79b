import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError, StatementError

from resources.control import database, migrating, migrations, sqlite_files
from resources.control.columns import canonical_json
from resources.control.database import open_control, reading, writing
from resources.control.migrating import (
    VERSION_TABLE,
    ControlDatabaseError,
    NewerDatabaseError,
    newest_revision,
    revision_of,
)
from resources.control.tables import ACTIVITY_HEADS, LEASES, METADATA

OPEN = "import sys; from resources.control.database import open_control; open_control(sys.argv[1]).dispose()"


def pragma(engine, name):
    with reading(engine) as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()


def drift(engine):
    with reading(engine) as connection:
        options = {"version_table": VERSION_TABLE, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), METADATA)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "control.sqlite"


def open_file(path):
    return open_control(f"sqlite:///{path}")


def test_sqlite_file_is_created_with_its_folder_and_its_pragmas(path):
    engine = open_file(path)

    assert path.exists()
    assert pragma(engine, "journal_mode") == "wal"
    assert pragma(engine, "foreign_keys") == 1
    assert pragma(engine, "busy_timeout") == 30_000
    assert pragma(engine, "synchronous") == 2
    engine.dispose()


def test_relative_sqlite_url_is_taken_from_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    open_control("sqlite:///home/control.sqlite").dispose()
    assert (tmp_path / "home" / "control.sqlite").exists()


def test_migrations_build_what_the_tables_say(engine):
    assert drift(engine) == []
    with reading(engine) as connection:
        assert revision_of(connection) == newest_revision()


def test_migrations_build_what_the_tables_say_on_an_empty_server(empty_postgres):
    engine = open_control(empty_postgres)
    assert drift(engine) == []
    engine.dispose()


def test_closed_lists_in_the_database_are_those_of_the_code(sqlite_template):
    engine = open_file(sqlite_template)
    inspector = sa.inspect(engine)
    for table in METADATA.sorted_tables:
        wanted = {
            str(check.sqltext)
            for holder in (table, *table.columns)
            for check in holder.constraints
            if isinstance(check, sa.CheckConstraint)
        }
        assert {check["sqltext"] for check in inspector.get_check_constraints(table.name)} == wanted
    engine.dispose()


def test_constraints_have_the_names_of_the_code(engine):
    inspector = sa.inspect(engine)
    for table in METADATA.sorted_tables:
        assert inspector.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"
        indexes = {index["name"] for index in inspector.get_indexes(table.name)}
        assert {str(index.name) for index in table.indexes} <= indexes


def test_opening_again_changes_nothing(url, engine):
    with writing(engine) as connection:
        connection.execute(sa.insert(LEASES).values(name="kept", epoch=7))
    again = open_control(url)
    with reading(again) as connection:
        assert connection.execute(sa.select(LEASES.c.epoch)).scalars().all() == [7]
    again.dispose()


def test_several_processes_create_one_database(path, start_process):
    path.parent.mkdir()
    path.write_bytes(b"")  # a torn leftover on top
    processes = [start_process(OPEN, f"sqlite:///{path}") for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]

    engine = open_file(path)
    assert drift(engine) == []
    assert len(list(path.parent.glob("*.torn-*"))) == 1
    engine.dispose()


def test_newer_revision_is_refused(url, engine):
    with writing(engine) as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(NewerDatabaseError, match=r"revision 9999, .* newest is 0001.* \.before-9999"):
        open_control(url)
    with writing(engine) as connection:
        connection.execute(sa.text(f"UPDATE {VERSION_TABLE} SET version_num = '0001'"))
    open_control(url).dispose()


NEXT_REVISION = """
import sqlalchemy as sa
from alembic import op
revision = "0002"
down_revision = "0001"
def upgrade():
    op.create_table("of_the_next_release", sa.Column("id", sa.Integer, primary_key=True))
"""


def test_older_database_is_copied_then_migrated_and_not_taken_back(tmp_path, path, monkeypatch):
    open_file(path).dispose()
    scripts = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, scripts)
    (scripts / "versions" / "revision_0002_next.py").write_text(NEXT_REVISION)
    with monkeypatch.context() as next_release:
        for name in ("upgrade", "is_current"):
            patched = partial(getattr(migrating, name), scripts=str(scripts))
            next_release.setattr(database, name, patched)
        engine = open_file(path)
        assert sa.inspect(engine).has_table("of_the_next_release")
        engine.dispose()

    with pytest.raises(NewerDatabaseError, match="restore the copy"):
        open_file(path)
    copy = path.with_name("control.sqlite.before-0002")
    engine = open_file(copy)
    assert not sa.inspect(engine).has_table("of_the_next_release")
    assert drift(engine) == []
    engine.dispose()


def test_missing_migrations_are_an_error(tmp_path):
    (tmp_path / "versions").mkdir()
    with pytest.raises(ControlDatabaseError, match="install Onward again"):
        newest_revision(str(tmp_path))


def one_unreadable_page(template):
    header = template.read_bytes()[:100]
    page_size = int.from_bytes(header[16:18], "big")
    return header + b"\xff" * (page_size - 100)


@pytest.mark.parametrize(
    "torn",
    [
        lambda _: b"",
        lambda template: template.read_bytes()[:16],
        lambda template: template.read_bytes()[:100],
        lambda template: template.read_bytes()[:2000],
        lambda _: b"not a database at all" * 1000,
        one_unreadable_page,
    ],
    ids=["empty", "magic", "header", "part of a page", "garbage", "unreadable page"],
)
def test_file_torn_at_first_creation_is_moved_aside_and_rebuilt(path, torn, sqlite_template, caplog):
    path.parent.mkdir()
    path.write_bytes(torn(sqlite_template))

    engine = open_file(path)

    assert drift(engine) == []
    engine.dispose()
    (aside,) = path.parent.glob("control.sqlite.torn-*")
    assert aside.read_bytes() == torn(sqlite_template)
    assert str(aside) in caplog.text


def test_journals_of_a_torn_file_go_with_it(path):
    path.parent.mkdir()
    path.write_bytes(b"")
    path.with_name("control.sqlite-wal").write_bytes(b"leftover")

    open_file(path).dispose()

    (aside,) = path.parent.glob("control.sqlite.torn-*[0-9]")
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"leftover"


@pytest.mark.parametrize("content", [b"", b"garbage" * 2000], ids=["empty", "garbage"])
def test_database_that_was_complete_is_never_begun_anew(path, content):
    open_file(path).dispose()
    path.write_bytes(content)

    with pytest.raises(ControlDatabaseError, match=r"damaged.*go out twice"):
        open_file(path)
    assert path.read_bytes() == content


def test_copy_that_was_opened_once_counts_as_complete(path, sqlite_template):
    path.parent.mkdir()
    shutil.copy(sqlite_template, path)
    open_file(path).dispose()
    path.write_bytes(b"")

    with pytest.raises(ControlDatabaseError, match="damaged"):
        open_file(path)


def test_damage_behind_a_good_header_is_an_error_and_keeps_the_file(path, sqlite_template):
    content = bytearray(sqlite_template.read_bytes())
    content[100:4096] = b"\xff" * (4096 - 100)
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(ControlDatabaseError, match="damaged"):
        open_file(path)
    assert path.read_bytes() == content


def test_locked_file_is_not_torn(tmp_path):
    path = tmp_path / "one_page.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("PRAGMA user_version = 1")
        holder.execute("BEGIN EXCLUSIVE")
        assert not sqlite_files.is_torn(path)


def test_database_with_a_busy_writer_opens(path):
    first = open_file(path)
    with writing(first) as connection:
        connection.execute(sa.insert(LEASES).values(name="busy", epoch=1))
        open_file(path).dispose()
    first.dispose()


def test_errors_that_are_no_damage_pass_through(path, monkeypatch):
    def full(connection, **kwargs):
        connection.exec_driver_sql("SELECT * FROM nowhere")

    monkeypatch.setattr(database, "upgrade", full)
    with pytest.raises(sa.exc.OperationalError, match="nowhere"):
        open_file(path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("sqlite://", "needs a plain file"),
        ("sqlite:///:memory:", "needs a plain file"),
        ("sqlite:///file:x?mode=memory&uri=true", "needs a plain file"),
        ("mysql://user@host/database", "not on mysql"),
        ("control.sqlite", "write sqlite:///"),
    ],
)
def test_url_that_cannot_be_shared_is_refused(wrong, message):
    with pytest.raises(ControlDatabaseError, match=message):
        open_control(wrong)


def test_writing_is_all_or_nothing(engine):
    def fail():
        with writing(engine) as connection:
            connection.execute(sa.insert(LEASES).values(name="half", epoch=1))
            raise RuntimeError("cut")

    with pytest.raises(RuntimeError, match="cut"):
        fail()
    with reading(engine) as connection:
        assert connection.execute(sa.select(LEASES)).all() == []


def test_reading_sees_one_state_throughout(engine):
    count = sa.select(sa.func.count()).select_from(LEASES)
    with reading(engine) as reader:
        before = reader.execute(count).scalar_one()
        with writing(engine) as writer:
            writer.execute(sa.insert(LEASES).values(name="meanwhile", epoch=1))
        assert reader.execute(count).scalar_one() == before == 0
    with reading(engine) as reader:
        assert reader.execute(count).scalar_one() == 1


def test_writers_that_read_first_queue_up_instead_of_failing(engine):
    with writing(engine) as connection:
        connection.execute(sa.insert(LEASES).values(name="counter", epoch=0))
    this = LEASES.c.name == "counter"

    def count_up():
        for _ in range(20):
            with writing(engine) as connection:
                epoch = connection.execute(
                    sa.select(LEASES.c.epoch).where(this).with_for_update()
                ).scalar_one()
                connection.execute(sa.update(LEASES).where(this).values(epoch=epoch + 1))

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with reading(engine) as connection:
        assert connection.execute(sa.select(LEASES.c.epoch).where(this)).scalar_one() == 4 * 20


def test_instants_come_back_in_utc(engine):
    in_new_york = datetime(2025, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=-5)))
    with writing(engine) as connection:
        connection.execute(sa.insert(LEASES).values(name="timed", epoch=1, expires_at=in_new_york))
        connection.execute(sa.insert(LEASES).values(name="untimed", epoch=1))
    with reading(engine) as connection:
        found = dict(connection.execute(sa.select(LEASES.c.name, LEASES.c.expires_at)).all())
    assert found["timed"] == datetime(2025, 1, 2, 8, 4, 5, 678901, tzinfo=UTC)
    assert found["timed"].tzinfo is UTC
    assert found["untimed"] is None


def test_instant_without_zone_is_refused(engine):
    naive = datetime(2025, 1, 2)  # noqa: DTZ001
    with pytest.raises(StatementError, match="needs a time zone"), writing(engine) as connection:
        connection.execute(sa.insert(LEASES).values(name="naive", epoch=1, expires_at=naive))


def test_required_value_is_required_by_the_database(engine):
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(sa.insert(ACTIVITY_HEADS).values(workspace_id="w", activity_count=None, hash=""))


def test_canonical_json_has_one_form_and_no_nan():
    assert canonical_json({"b": 1, "a": ["é", 1.5, None]}) == '{"a":["é",1.5,null],"b":1}'
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(float("nan"))
