"""A table of word vectors from the files of an installed package: without its code, without a network.

The wheel of `wordllama` (MIT) ships 32,000 vectors of 256 numbers and the
tokenizer that they belong to. Its own loader looks for the tokenizer in a
folder that the wheel does not have, and then on the network; so both files are
read here directly. Where the package is not installed, this says so.
"""

from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

PACKAGE = "wordllama"
WEIGHTS = "wordllama/weights/l2_supercat_256.safetensors"
TOKENIZER = "wordllama/tokenizers/l2_supercat_tokenizer_config.json"
_TENSOR = "embedding.weight"
#: How texts are made of word vectors; rises when `embedding.py` does it another way.
_POOLING_VERSION = "1"


class TextEmbeddingMissingError(Exception):
    """There are no word vectors on this machine; the message says how to install them."""


@dataclass(frozen=True, slots=True)
class StaticTable:
    """One vector per token, and how words are taken apart into tokens.

    Attributes:
        tokenizer: A `tokenizers.Tokenizer`.
        vectors: Row per token, Float32.
        version: Package, file and pooling: what a cached embedding depends on.
    """

    tokenizer: Any
    vectors: np.ndarray
    version: str


@cache
def read_static_table() -> StaticTable:
    """The installed table; some 60 ms and 32 MB, once in a process.

    Raises:
        TextEmbeddingMissingError: The package, its files or a library to read them are not installed.
    """
    package = _installed()
    weights, tokenizer = (_file_of(package, name) for name in (WEIGHTS, TOKENIZER))
    try:
        from safetensors import safe_open  # noqa: PLC0415  an extra
        from tokenizers import Tokenizer  # noqa: PLC0415  an extra
    except ImportError as error:
        raise _missing(f"{error.name} is not installed") from None
    with safe_open(str(weights), framework="numpy") as tensors:
        vectors = tensors.get_tensor(_TENSOR).astype(np.float32)
    return StaticTable(
        tokenizer=Tokenizer.from_file(str(tokenizer)),
        vectors=vectors,
        version=f"{PACKAGE}-{package.version}/{weights.stem}/{_POOLING_VERSION}",
    )


def _installed() -> Distribution:
    try:
        return distribution(PACKAGE)
    except PackageNotFoundError:
        raise _missing(f"{PACKAGE} is not installed") from None


def _file_of(package: Distribution, name: str) -> Path:
    path = Path(str(package.locate_file(name)))
    if not path.is_file():
        raise _missing(f"{PACKAGE} {package.version} has no {Path(name).name}")
    return path


def _missing(what: str) -> TextEmbeddingMissingError:
    return TextEmbeddingMissingError(f"{what}; install onward[interests] for better labels of product texts")
