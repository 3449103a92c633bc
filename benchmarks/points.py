"""What benchmarks/numbers_and_tables.py computes: of a number, of a file. Imports little."""

import random
from pathlib import Path

THROWS = 20_000


def square(n: int) -> int:
    """Return next to nothing: what is measured is the way there and back."""
    return n * n


def is_prime(n: int) -> int:
    """Return 1 for a prime, else 0, by trial division: short tasks that grow longer."""
    if n < 2:
        return 0
    divisor = 2
    while divisor * divisor <= n:
        if n % divisor == 0:
            return 0
        divisor += 1
    return 1


def pi_block(n: int) -> int:
    """Return how many of 20,000 random points of a square lie in its quarter circle."""
    throw = random.Random(n).random
    return sum(throw() ** 2 + throw() ** 2 <= 1.0 for _ in range(THROWS))


def describe_by_polars(file: str) -> int:
    """Write a table's description beside it; return how many columns that has."""
    import polars as pl

    described = pl.read_csv(file).describe()
    described.write_csv(Path(file).with_suffix(".polars.txt"))
    return described.width - 1


def describe_by_pandas(file: str) -> int:
    """Write a table's description beside it; return how many columns that has."""
    import pandas as pd

    described = pd.read_csv(file).describe(include="all")
    described.to_csv(Path(file).with_suffix(".pandas.txt"))
    return int(described.shape[1])


def draw_table(file: Path, rows: int) -> None:
    """Write a table of numbers and words as CSV: 40,000 rows are 2 MB."""
    chance = random.Random(1)
    with file.open("w", encoding="utf-8") as stream:
        stream.write("key,count,value,place\n")
        for row in range(rows):
            count, value = chance.randrange(1000), chance.gauss(0, 1)
            stream.write(f"customer-{row:09d},{count},{value!r},{chance.randrange(5000)}\n")
