"""Judges what an outage left behind.

    python3 one_outage.py REPORT.json STOPPED_AT MENDED_AT MAIL MAIL

STOPPED_AT and MENDED_AT are Unix seconds at which the target was stopped and began to start
again. The probe runs every second and takes less than one, so each edge is known to two.
"""

import datetime
import email
import email.policy
import json
import sys

EDGE_S = 2.5


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def main(report_file, stopped_at, mended_at, *letters):
    with open(report_file, encoding="utf-8") as file:
        report = json.load(file)
    (outage,) = report["outages"]
    start, end = instant(outage["start"]), instant(outage["end"])
    assert -1 <= start - float(stopped_at) <= EDGE_S, f"began at {start}, stopped at {stopped_at}"
    assert -1 <= end - float(mended_at) <= EDGE_S, f"ended at {end}, mended at {mended_at}"
    assert outage["system"] == "portal" and outage["end_observed"], outage
    (system,) = report["systems"]
    assert system["outages"] == 1 and system["planned_s"] == 0, system
    assert abs(system["unplanned_s"] - (end - start)) <= 1, (system, start, end)
    classes = ["up_s", "planned_s", "excluded_s", "unplanned_s", "unknown_s"]
    assert sum(system[key] for key in classes) == system["agreed_s"], system
    (incident,) = report["incidents"]
    assert incident["missing"], "the texts are owed"

    assert len(letters) == 2, letters
    messages = []
    for letter in letters:
        with open(letter, "rb") as file:
            messages.append(email.message_from_binary_file(file, policy=email.policy.default))
    # A maildir does not keep the order.
    messages.sort(key=lambda message: message["References"] is not None)
    down, up = messages
    for message in messages:
        assert "Clinical Portal" in message["Subject"], message["Subject"]
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["To"] and "it@st-elsewhere.example" in message["To"]
        kinds = [part.get_content_type() for part in message.walk()]
        assert "text/plain" in kinds and "text/html" in kinds, kinds
    assert down["Message-ID"] in up["References"], (down["Message-ID"], up["References"])
    assert down["Message-ID"] != up["Message-ID"]
    print(f"outage {outage['start']} to {outage['end']}: {down['Subject']!r}, {up['Subject']!r}")


if __name__ == "__main__":
    main(*sys.argv[1:])
