"""Reports: CSV files that are computed from the books. https://docs.stripe.com/reports/api

Their rows are in :mod:`host.simulator.stripe.report_rows`.
"""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from host.simulator import resources
from host.simulator.api_error import invalid, missing
from host.simulator.context import Object, RequestContext
from host.simulator.not_simulated import names
from host.simulator.stripe.files import CONTENT, contents_url
from host.simulator.stripe.report_rows import TYPES, ReportType, rows_of

RUN, TYPE = "reporting.report_run", "reporting.report_type"
MAKES = {RUN, TYPE, "file"}
_TAKEN = ("columns", "currency", "interval_end", "interval_start", "reporting_category", "timezone")


def create_run(call: RequestContext) -> Object:
    """Create a pending run, which has succeeded, with its file, by the next request."""
    name = call.params["report_type"]
    if name not in TYPES:
        call.not_modelled(f"the report {name[:60]}", f"It models {names(sorted(TYPES))}.", "report_type")
    run = resources.fresh(call)
    given = call.params.get("parameters") or {}
    if name in TYPES:
        _check(call, TYPES[name], given)
    empty: Object = dict.fromkeys(
        ("columns", "connected_account", "currency", "payout", "reporting_category", "timezone")
    )
    run.update(report_type=name, parameters={**empty, **given}, status="pending")
    call.backend.agenda.add(call, call.now, "report_run", run["id"])
    return call.save(RUN, run)


def _check(call: RequestContext, report: ReportType, given: Object) -> None:
    """Refuse parameters that the report does not take, and columns and time zones that are not known."""
    for name in given:
        if name not in _TAKEN or (name == "reporting_category" and not report.itemized):
            raise invalid(f"The report {report.id} does not take {name}.", f"parameters[{name}]")
    for name in ("interval_start", "interval_end"):
        if given.get(name) is None:
            path = f"parameters[{name}]"
            raise invalid(f"Missing required param: {path}.", path, "parameter_missing")
    if not 0 <= given["interval_start"] < given["interval_end"] <= call.now:
        raise invalid(
            f"Invalid interval: interval_start must be before interval_end, both between 0 and {call.now}.",
            "parameters[interval_start]",
        )
    if zone := given.get("timezone"):
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            call.not_modelled(f"the time zone {zone}", "This machine does not know it.", "parameters[timezone]")
    for column in given.get("columns") or ():
        if not report.computes(column):
            known = f"It computes {names(list(report.columns))}."
            call.not_modelled(f"the column {column[:60]}", known, "parameters[columns]")


def finish_run(call: RequestContext, id: str) -> None:
    """Compute the rows of a run, and write them to a file."""
    run = call.find(RUN, id)
    if run is None or run["status"] != "pending" or run["report_type"] not in TYPES:
        return
    report, given = TYPES[run["report_type"]], run["parameters"]
    columns = given["columns"] or list(report.defaults)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row[column] for column in columns] for row in rows_of(call, report, given, columns))
    content = text.getvalue().encode()
    file = call.blank("file")
    kept = {"type": "text/csv", "content": b64encode(content).decode("ascii")}
    call.backend.store.put(CONTENT, file["id"], kept)
    file.update(
        filename=f"{id}.csv",
        purpose="finance_report_run",
        size=len(content),
        type="csv",
        url=contents_url(call, file["id"]),
    )
    call.save("file", file)
    call.save(RUN, {**run, "result": file, "status": "succeeded", "succeeded_at": call.now})


def list_types(call: RequestContext) -> Object:
    """The types of reports that are modelled."""
    found = [_shown(call, report) for report in TYPES.values()]
    return {"object": "list", "data": found, "has_more": False, "url": "/v1/reporting/report_types"}


def retrieve_type(call: RequestContext) -> Object:
    """Retrieve a type of report."""
    report = TYPES.get(call.target)
    if report is None:
        if "." in call.target:
            call.not_modelled(f"the report {call.target[:60]}", f"It models {names(sorted(TYPES))}.")
        raise missing("reporting report type", call.target, "report_type")
    return _shown(call, report)


def _shown(call: RequestContext, report: ReportType) -> Object:
    """A type as the API shows it; data is available from 1970 until now."""
    return {
        "id": report.id,
        "object": TYPE,
        "data_available_end": call.now,
        "data_available_start": 0,
        "default_columns": list(report.defaults),
        "livemode": False,
        "name": report.name,
        "updated": call.now,
        "version": int(report.id.rpartition(".")[2]),
    }


BEHAVIOURS = {
    "reporting.report_runs.create": create_run,
    "reporting.report_types.list": list_types,
    "reporting.report_types.retrieve": retrieve_type,
}
DUE = {"report_run": finish_run}
