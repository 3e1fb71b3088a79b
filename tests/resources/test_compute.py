import pytest

from resources.compute import InProcessCompute


def test_map_answers_in_the_order_of_the_buckets() -> None:
    assert InProcessCompute().map(lambda bucket: bucket * 10, [3, 0, 2]) == [30, 0, 20]


def test_map_of_no_buckets_is_empty() -> None:
    assert InProcessCompute().map(lambda bucket: bucket, []) == []


def test_map_fails_when_one_bucket_fails() -> None:
    def fail_on_one(bucket: int) -> int:
        if bucket == 1:
            raise RuntimeError("bucket 1 is broken")
        return bucket

    with pytest.raises(RuntimeError, match="bucket 1 is broken"):
        InProcessCompute().map(fail_on_one, [0, 1, 2])
