"""Writes the dashboards. `python generate.py FOLDER` needs the packages of tests/requirements.txt.

The JSON beside this file is its output, committed: Grafana imports that, and the tests compare the two.
Law: expressions aggregate by environment and item before they join, so that a second Vigie or a new pod in the
same Prometheus neither doubles a count nor breaks a join.
"""

import json
import pathlib
import sys

from grafana_foundation_sdk.builders import common as layout
from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders import prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common, dashboard

# Worst last: where two Vigies differ about an item, the larger number is shown.
STANDINGS = [
    ("not_applicable", "#6e7179"),
    ("passing", "green"),
    ("waived", "blue"),
    ("warning", "yellow"),
    ("pending", "#9fa7b3"),
    ("unknown", "purple"),
    ("failing", "red"),
]
CHOSEN = 'environment="$environment", section=~"$section", severity=~"$severity"'
HERE = 'environment="$environment"'
PROMETHEUS = dashboard.DataSourceRef(type_val="prometheus", uid="${datasource}")


def standing_of_each_item():
    """Each item's standing as its place in `STANDINGS`."""
    arms = "\n  or ".join(
        f'{place} * (vigie_item_standing{{{CHOSEN}, standing="{standing}"}} == 1)'
        for place, (standing, _) in enumerate(STANDINGS)
    )
    return f"max by (environment, section, item) (\n  {arms}\n)"


def with_card(expression, *labels):
    """Joins labels of the item's card; one row an item, whatever else is scraped."""
    names = ", ".join(labels)
    return (
        f"{expression}\n* on (environment, item) group_left ({names})\n"
        f"topk by (environment, item) (1, max by (environment, item, {names}) (vigie_item_info{{{HERE}}}))"
    )


COUNTS = f"sum by (standing) (max by (environment, item, standing) (vigie_item_standing{{{CHOSEN}}}))"
NOT_HOLDING = (
    with_card(
        "max by (environment, section, item, severity, standing, reason)"
        f' (vigie_item_reason{{{CHOSEN}, standing=~"failing|unknown|warning"}})',
        "title",
        "runbook_url",
    )
    + "\n* on (environment, item) group_left ()\n"
    + f"max by (environment, item) (vigie_item_standing_since_timestamp_seconds{{{HERE}}}) * 1000"
)


def asks(expression, legend="", instant=False, as_table=False):
    query = prometheus.Dataquery().ref_id("A").expr(expression).datasource(PROMETHEUS).legend_format(legend)
    query = query.instant() if instant else query.range()
    return query.format("table") if as_table else query


def mapping(results):
    options = {
        str(value): dashboard.ValueMappingResult(text=text, color=color, index=place)
        for place, (value, text, color) in enumerate(results)
    }
    return [dashboard.ValueMap(options=options)]


def property_of_field(**properties):
    return [dashboard.DynamicConfigValue(id_val=name, value=value) for name, value in properties.items()]


def colored_by_standing(panel):
    for standing, color in STANDINGS:
        panel.override_by_name(standing, property_of_field(color={"mode": "fixed", "fixedColor": color}))
    return panel


def colored_unless_zero(panel):
    for standing, color in STANDINGS:
        steps = [{"color": "#6e717933", "value": None}, {"color": color, "value": 1}]
        panel.override_by_name(standing, property_of_field(thresholds={"mode": "absolute", "steps": steps}))
    return panel


def standing_mappings():
    return mapping((place, standing, color) for place, (standing, color) in enumerate(STANDINGS))


def last_value():
    return layout.ReduceDataOptions().calcs(["lastNotNull"])


def tiles(title, expression, legend=""):
    return (
        stat.Panel()
        .title(title)
        .datasource(PROMETHEUS)
        .with_target(asks(expression, legend, instant=True))
        .reduce_options(last_value())
        .graph_mode(common.BigValueGraphMode.NONE)
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    )


def counts():
    return colored_unless_zero(tiles("Items by standing", COUNTS, "{{standing}}").span(16).height(4))


def pulse():
    expression = f"max by (environment) (vigie_engine_last_tick_timestamp_seconds{{{HERE}}}) * 1000"
    return (
        tiles("The engine's last tick", expression)
        .text_mode(common.BigValueTextMode.VALUE)
        .color_mode(common.BigValueColorMode.NONE)
        .unit("dateTimeFromNow")
        .span(4)
        .height(4)
    )


def configuration():
    expression = f"min by (environment) (vigie_config_last_reload_successful{{{HERE}}})"
    return (
        tiles("Newest configuration", expression)
        .text_mode(common.BigValueTextMode.VALUE)
        .mappings(mapping([(1, "in use", "green"), (0, "refused", "red")]))
        .span(4)
        .height(4)
    )


def not_holding():
    columns = ["title", "severity", "standing", "reason", "Value", "item", "section", "runbook_url"]
    organized = {
        "excludeByName": {"Time": True, "environment": True},
        "indexByName": {name: place for place, name in enumerate(columns)},
        "renameByName": {"title": "line", "Value": "since", "item": "page", "runbook_url": "runbook"},
    }
    page = [{"title": "Evidence and history", "url": "${address}/items/${__value.raw}", "targetBlank": True}]
    runbook = [{"title": "Runbook", "url": "${__value.raw}", "targetBlank": True}]
    colors = [
        {"type": "value", "options": {standing: {"color": color, "index": place}}}
        for place, (standing, color) in enumerate(STANDINGS)
    ]
    return (
        table.Panel()
        .title("What does not hold")
        .description("Failing, unknown and warning items: why, since when, and where to read on.")
        .datasource(PROMETHEUS)
        .with_target(asks(NOT_HOLDING, instant=True, as_table=True))
        .with_transformation(dashboard.DataTransformerConfig(id_val="organize", options=organized))
        .no_value("Every line holds.")
        .override_by_name("since", property_of_field(unit="dateTimeFromNow"))
        .override_by_name("page", property_of_field(links=page))
        .override_by_name("runbook", property_of_field(links=runbook))
        .override_by_name(
            "standing",
            [
                dashboard.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-background"}),
                dashboard.DynamicConfigValue(id_val="mappings", value=colors),
            ],
        )
        .span(24)
        .height(8)
    )


def checklist():
    expression = with_card(standing_of_each_item(), "title")
    return (
        tiles("$section", expression, "{{title}}")
        .orientation(common.VizOrientation.HORIZONTAL)
        .mappings(standing_mappings())
        .repeat("section")
        .repeat_direction("h")
        .span(12)
        .height(9)
    )


def timeline():
    return (
        statetimeline.Panel()
        .title("Standing of each item over time")
        .datasource(PROMETHEUS)
        .with_target(asks(standing_of_each_item(), "{{item}}"))
        .mappings(standing_mappings())
        .merge_values(True)
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.8)
        .legend(
            layout.VizLegendOptions()
            .show_legend(True)
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
        )
        .span(24)
        .height(14)
    )


def lines(title, expression, legend, unit):
    return (
        timeseries.Panel()
        .title(title)
        .datasource(PROMETHEUS)
        .with_target(asks(expression, legend))
        .unit(unit)
        .min(0)
        .span(12)
        .height(8)
    )


def standings_over_time():
    stacked = layout.StackingConfig().mode(common.StackingMode.NORMAL).group("A")
    panel = lines("Items by standing over time", COUNTS, "{{standing}}", "short").stacking(stacked).fill_opacity(60)
    return colored_by_standing(panel)


def attempts():
    expression = (
        "sum by (verdict) (max by (environment, item, verdict)"
        f" (rate(vigie_item_attempts_total{{{HERE}}}[$__rate_interval])))"
    )
    return lines("Attempts by verdict", expression, "{{verdict}}", "cps")


def durations():
    expression = (
        "histogram_quantile(0.95, sum by (kind, le)"
        f" (rate(vigie_attempt_duration_seconds_bucket{{{HERE}}}[$__rate_interval])))"
    )
    return lines("How long checks take, 95th percentile", expression, "{{kind}}", "s")


def delay():
    expression = (
        "histogram_quantile(0.99, sum by (le)"
        f" (rate(vigie_schedule_delay_seconds_bucket{{{HERE}}}[$__rate_interval])))"
    )
    return lines("From due to started, 99th percentile", expression, "delay", "s")


def choice(name, label, query, **options):
    variable = (
        board.QueryVariable(name)
        .label(label)
        .query({"query": query, "refId": name})
        .datasource(PROMETHEUS)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )
    if options.get("several"):
        variable = variable.multi(True).include_all(True).all_value(".*")
    return variable


def overview():
    return (
        board.Dashboard("Vigie: overview")
        .uid("vigie-overview")
        .description("The deployment checklist: what holds, what does not, why and since when.")
        .tags(["vigie"])
        .refresh("30s")
        .time("now-24h", "now")
        .readonly()
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .with_variable(board.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(choice("environment", "Environment", "label_values(vigie_item_info, environment)"))
        .with_variable(
            choice("section", "Section", f"label_values(vigie_item_info{{{HERE}}}, section)", several=True)
        )
        .with_variable(
            choice("severity", "Severity", f"label_values(vigie_item_info{{{HERE}}}, severity)", several=True)
        )
        .with_variable(
            board.TextBoxVariable("address").label("Vigie's address").default_value("http://localhost:9743")
        )
        .with_panel(counts())
        .with_panel(pulse())
        .with_panel(configuration())
        .with_panel(not_holding())
        .with_row(board.Row("The checklist"))
        .with_panel(checklist())
        .with_row(board.Row("Over time"))
        .with_panel(timeline())
        .with_panel(standings_over_time())
        .with_panel(attempts())
        .with_panel(durations())
        .with_panel(delay())
    )


def main():
    folder = pathlib.Path(sys.argv[1])
    built = overview().build()
    for place, panel in enumerate(built.panels, start=1):
        panel.id_val = place
    text = json.dumps(built, cls=JSONEncoder, indent=2, sort_keys=True)
    (folder / "overview.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
