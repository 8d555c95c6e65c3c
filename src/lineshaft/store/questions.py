"""Questions to begin with: what plants ask most, as SQL that runs on any plant and can be changed from there."""

from __future__ import annotations

from typing import NamedTuple


class Question(NamedTuple):
    """A ready-made question; pages have words for its name."""

    name: str
    sql: str


QUESTIONS: tuple[Question, ...] = (
    Question(
        "guilty_lot",
        """-- Values beyond their alarm limit in the hour before a failed check, with the raw material of the checked lot
SELECT raw.lot AS raw_material_lot, raw.material, q.lot, q.check_name, a.property,
       round(max(s.value), 2) AS worst, any_value(a.threshold) AS alarm_limit
FROM quality q
JOIN lots l ON l.lot = q.lot
JOIN lots raw ON list_contains(l.parents, raw.lot)
JOIN samples s ON s.ts > q.ts - INTERVAL 1 HOUR AND s.ts <= q.ts
JOIN alarms a ON a.property = s.property AND a.operator IN ('>', '>=') AND s.value > a.threshold
WHERE NOT q.passed AND s.name = 'Vibration' AND s.ts > now() - INTERVAL 30 DAY
GROUP BY raw.lot, raw.material, q.lot, q.check_name, a.property
ORDER BY worst DESC""",
    ),
    Question(
        "downtime",
        """-- Where the time went: stops of the last seven days by machine and reason
SELECT asset, coalesce(reason, state) AS reason, count(*) AS stops, round(sum(seconds) / 60, 1) AS minutes
FROM downtime
WHERE started > now() - INTERVAL 7 DAY
GROUP BY 1, 2
ORDER BY minutes DESC""",
    ),
    Question(
        "oee",
        """-- OEE of each machine from the sums of its hours, never from a mean of ratios
SELECT asset, count(*) AS hours, sum(good)::bigint AS good, sum(bad)::bigint AS bad,
       round(sum(actual_production) / nullif(sum(planned_busy), 0), 3) AS availability,
       round(sum(good) / nullif(sum(good) + sum(bad), 0), 3) AS quality
FROM oee
WHERE ended > now() - INTERVAL 1 DAY
GROUP BY asset
ORDER BY asset""",
    ),
    Question(
        "trend",
        """-- A day of temperatures by the minute
SELECT property, ts, round(average, 2) AS average, minimum, maximum
FROM minute
WHERE name = 'Temperature' AND ts > now() - INTERVAL 1 DAY
ORDER BY property, ts DESC""",
    ),
    Question(
        "silent",
        """-- Which tags have been silent for longest, and which are not good
SELECT property, ts AS newest, quality, round(epoch(now() - ts)) AS seconds_ago
FROM latest
ORDER BY quality = 'good', ts""",
    ),
    Question(
        "short_parts",
        """-- Parts that are short, with what is on its way
SELECT s.part, s.name, s.available, s.minimum, s.lead_time_days, coalesce(sum(p.quantity), 0) AS on_its_way
FROM spares s
LEFT JOIN purchases p ON p.part = s.part AND p.state IN ('proposed', 'approved', 'ordered')
WHERE s.available < s.minimum
GROUP BY ALL
ORDER BY s.part""",
    ),
    Question(
        "late_orders",
        """-- Order lines that are due within seven days and not delivered
SELECT number, line, product, quantity, delivered, due
FROM production_orders
WHERE due < now() + INTERVAL 7 DAY AND coalesce(delivered, 0) < quantity
ORDER BY due""",
    ),
    Question(
        "repeated_work",
        """-- Machines that were worked on most in three months, and how long it took
SELECT asset, count(*) AS orders, count(*) FILTER (kind = 'corrective') AS corrective,
       round(avg(epoch(done - created)) / 3600, 1) AS hours_to_done
FROM work_orders
WHERE created > now() - INTERVAL 90 DAY
GROUP BY asset
ORDER BY orders DESC""",
    ),
)
