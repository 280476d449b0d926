"""The best pairing of rows with columns of a cost matrix.

Successive shortest augmenting paths with dual prices, as in R. Jonker and A. Volgenant, "A shortest augmenting path
algorithm for dense and sparse linear assignment problems", Computing 38 (1987): one path for each row, its inner loop
over columns in numpy. 300 x 300 in about 0.15 s.
"""

import numpy as np
from numpy.typing import NDArray


def best_pairs(cost: NDArray[np.float64], most: float) -> list[tuple[int, int]]:
    """The pairs (row, column) with the least total, those below `most` only; a row or column may stay alone for `most`.

    cost (n, m), finite. Sorted by row; among equal totals always the same.
    """
    rows, columns = cost.shape
    if not rows or not columns:
        return []
    capped = np.minimum(cost, most)
    if rows > columns:
        return sorted((row, column) for column, row in enumerate(_assigned(capped.T)) if cost[row, column] < most)
    return [(row, column) for row, column in enumerate(_assigned(capped)) if cost[row, column] < most]


def _assigned(cost: NDArray[np.float64]) -> list[int]:
    """The column of each row, all different, with the least total. cost (n, m) with n <= m."""
    rows, columns = cost.shape
    row_price, column_price = np.zeros(rows), np.zeros(columns)
    row_of = np.full(columns, -1)
    for start in range(rows):
        _augment(cost, start, row_price, column_price, row_of)
    column_of = [0] * rows
    for column in np.flatnonzero(row_of >= 0).tolist():
        column_of[row_of[column]] = column
    return column_of


def _augment(
    cost: NDArray[np.float64],
    start: int,
    row_price: NDArray[np.float64],
    column_price: NDArray[np.float64],
    row_of: NDArray[np.intp],
) -> None:
    """Gives row `start` a column, moving rows that have one along the cheapest path (Dijkstra over reduced costs)."""
    columns = cost.shape[1]
    distance, before = np.full(columns, np.inf), np.full(columns, -1)
    is_done = np.zeros(columns, bool)
    row, column, walked = start, -1, 0.0
    while True:
        reached = walked + cost[row] - row_price[row] - column_price
        is_nearer = ~is_done & (reached < distance)
        distance[is_nearer], before[is_nearer] = reached[is_nearer], column
        column = int(np.argmin(np.where(is_done, np.inf, distance)))
        walked = float(distance[column])
        is_done[column] = True
        if row_of[column] < 0:
            break
        row = int(row_of[column])
    # Prices move so that the path costs nothing and nothing becomes negative.
    gained = walked - distance[is_done]
    on_path = row_of[is_done]
    row_price[on_path[on_path >= 0]] += gained[on_path >= 0]
    column_price[is_done] -= gained
    row_price[start] += walked
    while column >= 0:
        previous = int(before[column])
        row_of[column] = row_of[previous] if previous >= 0 else start
        column = previous
