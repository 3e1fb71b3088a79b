from datetime import date


def test_sound_lake_has_no_problems(world) -> None:
    assert world.lake.verify() == []
    world.publish({world.scores: world.score_rows(0.1), world.addresses: world.address_rows("a@x.example")})
    world.publish({world.scores: world.score_rows(0.2)})
    assert world.lake.verify() == []


def test_damage_is_reported_although_the_file_was_verified_before(world) -> None:
    version = world.publish({world.scores: world.score_rows(0.1)})[0]
    world.rows(world.scores)
    (version.folder / "part-0000.parquet").write_bytes(b"rot")
    [problem] = world.lake.verify()
    assert problem.startswith(f"scoring/scores/{version.name}: part-0000.parquet is not what was written")


def test_damage_of_a_referred_file_is_reported_for_every_version_that_needs_it(world) -> None:
    first = world.publish({world.scores: world.score_rows(0.1)}, on=date(2025, 1, 1))[0]
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        writer.append(world.scores, world.score_rows(0.1, 0.2).tail(1), to=first)
        writer.publish()
    (first.folder / "part-0000.parquet").unlink()
    problems = world.lake.verify()
    assert len(problems) == 2
    assert f"../{first.name}/part-0000.parquet is missing" in problems[1]


def test_pointer_without_a_version_is_reported(world) -> None:
    with world.lake.writing("scoring", world.night, run_id="run", config_hash="c") as writer:
        world.pointers.swap(
            {"scoring/scores": "2025-01-02-e7-gone"}, partition=world.night, lease=writer.lease
        )
    [problem] = world.lake.verify()
    assert "scoring/scores/2025-01-02-e7-gone: 2025-01-02-e7-gone is missing" in problem


def test_strange_folders_are_reported(world) -> None:
    world.publish({world.scores: world.score_rows(0.1)})
    for name in ("my-copy", "2025-01-02-e8-torn"):
        (world.layout.table_folder("scoring/scores") / name).mkdir()
    problems = world.lake.verify()
    assert [problem.split(" is ")[0] for problem in problems] == [
        "scoring/scores/2025-01-02-e8-torn",
        "scoring/scores/my-copy",
    ]
