"""The files of Cloud Run: against Google's own description of the API, and the deployment with a `gcloud` that
writes down what it is asked. Nothing here has been to the cloud."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from daemon.settings import Settings, load_settings
from daemon.settings_words import SettingsInvalid
from web.sse import StreamLimits

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((Path(__file__).parent / "schemas" / "cloud-run-v1.json").read_text("utf-8"))
SERVICE = ROOT / "cloudrun.yaml"
WORKERS = ROOT / "deploy" / "cloudrun-workers.yaml"
BUILD = ROOT / "cloudbuild.yaml"

SUBSTITUTIONS = {
    "PROJECT_ID": "my-project",
    "BUILD_ID": "b-1",
    "_REGION": "europe-west1",
    "_REPOSITORY": "cuelight",
    "_HOST": "vip.example.org",
}
IMAGE = "europe-west1-docker.pkg.dev/my-project/cuelight/cuelight:b-1"
SECRETS = {
    "MONGO_URL": "mongodb+srv://u:p@cluster.example.net/cuelight",
    "REDIS_URL": "redis://10.0.0.3:6379",
    "TWITCH_CLIENT_ID": "abc",
    "TWITCH_CLIENT_SECRET": "hush-hush",
    "TWITCH_EVENTSUB_SECRET": "a-secret-of-twitch",
    "ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "SESSION_SECRET": "0123456789abcdef0123456789abcdef",
    "METRICS_TOKEN": "0123456789abcdef",
}
# Not in the list of ObjectMeta, but what `gcloud run worker-pools` writes.
POOL_ANNOTATIONS = {"run.googleapis.com/scalingMode", "run.googleapis.com/manualInstanceCount"}


def parsed(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return document


def problems(document: dict[str, Any]) -> list[str]:
    """What Google would not understand."""
    kind = document["kind"]
    schema = {**SCHEMA, "$ref": f"#/$defs/{kind}"}
    found = [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]
    allowed: dict[str, list[str]] = SCHEMA["annotations"]
    own = document["metadata"].get("annotations", {})
    pool = POOL_ANNOTATIONS if kind == "WorkerPool" else set()
    found += [
        f"{one} does not belong to a {kind}"
        for one in own
        if kind not in allowed.get(one, []) and one not in pool
    ]
    revision = document["spec"]["template"]["metadata"].get("annotations", {})
    found += [
        f"{one} does not belong to a revision" for one in revision if "Revision" not in allowed.get(one, [])
    ]
    return found


def container(path: Path) -> dict[str, Any]:
    (only,) = parsed(path)["spec"]["template"]["spec"]["containers"]
    described: dict[str, Any] = only
    return described


@pytest.mark.parametrize("path", [SERVICE, WORKERS], ids=lambda path: path.stem)
def test_google_knows_every_field(path: Path) -> None:
    assert problems(parsed(path)) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("containerConcurrency: 1000", 'containerConcurrency: "1000"'),
        ("timeoutSeconds: 3600", "timeoutSecond: 3600"),
        ("httpGet:", "httpget:"),
        ("secretKeyRef:", "secretRef:"),
        ("autoscaling.knative.dev/minScale", "autoscaling.knative.dev/minscale"),
        ("run.googleapis.com/ingress", "run.googleapis.com/cpu-throttling"),
        ('"true"', "true"),
        ("      containers:", "      enableServiceLinks: false\n      containers:"),
    ],
)
def test_a_slip_would_be_found(old: str, new: str) -> None:
    text = SERVICE.read_text("utf-8")
    assert old in text
    assert problems(yaml.safe_load(text.replace(old, new)))


def test_the_service_is_made_for_streams() -> None:
    template = parsed(SERVICE)["spec"]["template"]
    notes = template["metadata"]["annotations"]
    assert template["spec"]["containerConcurrency"] == 1000
    assert template["spec"]["timeoutSeconds"] == 3600 > max(StreamLimits().lifetime_seconds)
    assert notes["run.googleapis.com/cpu-throttling"] == "false"
    assert int(notes["autoscaling.knative.dev/minScale"]) >= 1
    assert notes["run.googleapis.com/execution-environment"] == "gen2"
    assert json.loads(notes["run.googleapis.com/network-interfaces"])[0]["subnetwork"] == "cuelight"


@pytest.mark.parametrize("path", [SERVICE, WORKERS], ids=lambda path: path.stem)
def test_probes_ask_what_they_should_within_the_limits(path: Path) -> None:
    described = container(path)
    startup, liveness = described["startupProbe"], described["livenessProbe"]
    assert (startup["httpGet"]["path"], liveness["httpGet"]["path"]) == ("/readyz", "/livez")
    assert startup["periodSeconds"] * startup["failureThreshold"] <= 240
    for probe in (startup, liveness):
        assert probe["timeoutSeconds"] < probe["periodSeconds"]
        assert probe["httpGet"]["port"] == 8080


def filled(path: Path) -> dict[str, str]:
    """The environment of the container, with a value for each secret."""
    environ = {}
    for variable in container(path)["env"]:
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        environ[variable["name"]] = SECRETS[variable["name"]] if reference else variable["value"]
    return {name: re.sub("%[A-Z]+%", "my.example.org", value) for name, value in environ.items()}


@pytest.mark.parametrize("path", [SERVICE, WORKERS], ids=lambda path: path.stem)
def test_secrets_come_by_reference_with_a_version(path: Path) -> None:
    for variable in container(path)["env"]:
        known = Settings.model_fields[variable["name"].lower()]
        secret = "Secret" in str(known.annotation) or variable["name"] in SECRETS
        assert ("valueFrom" in variable) == secret, variable["name"]
        if secret:
            reference = variable["valueFrom"]["secretKeyRef"]
            assert re.fullmatch(r"[1-9]\d*", reference["key"]), "`latest` changes under a running revision"


def test_cuelight_accepts_the_settings_of_both() -> None:
    # Cloud Run sets K_SERVICE for services, and nothing that we know of for worker pools.
    web = load_settings({**filled(SERVICE), "K_SERVICE": "cuelight", "HOST": "0.0.0.0"})
    workers = load_settings({**filled(WORKERS), "HOST": "0.0.0.0"})
    assert (set(web.roles), set(workers.roles)) == ({"web"}, {"eventsub", "worker"})
    assert web.base_url == "https://my.example.org"
    with pytest.raises(SettingsInvalid, match="REDIS_URL"):
        load_settings({**filled(SERVICE), "K_SERVICE": "cuelight", "REDIS_URL": ""})


# -- the build -------------------------------------------------------------------------------------------------------


def step(name: str) -> dict[str, Any]:
    return next(one for one in parsed(BUILD)["steps"] if one["id"] == name)


def substituted(text: str) -> str:
    """As Cloud Build does it: `$NAME` and `${NAME}`, and `$$` for a dollar sign."""

    def value(found: re.Match[str]) -> str:
        return "$" if found.group() == "$$" else SUBSTITUTIONS[found.group(1) or found.group(2)]

    return re.sub(r"\$\$|\$\{([A-Z_]+)\}|\$([A-Z_]+)", value, text)


def test_cloud_build_knows_every_field() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.cloudbuild", str(BUILD)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_pushed_untested_and_nothing_deployed_unpushed() -> None:
    assert set(step("push")["waitFor"]) == {"test", "try"}
    assert step("try")["waitFor"] == ["build"]
    assert step("deploy")["waitFor"] == ["push"]
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(step("test")["args"]) <= set(targets)
    assert parsed(BUILD)["substitutions"].keys() == {name for name in SUBSTITUTIONS if name[0] == "_"}


@pytest.fixture
def gcloud(tmp_path: Path) -> Path:
    """A `gcloud` that writes down its words, one line for each call; it fails for what is in `fails`."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "gcloud").write_text(
        f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n! grep -qsF -- "$4" {tmp_path}/fails\n', "utf-8"
    )
    (tools / "gcloud").chmod(0o755)
    return tmp_path


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text("utf-8").splitlines()


def test_the_deployment_fills_in_both_files(gcloud: Path) -> None:
    described = step("deploy")
    script = substituted(described["args"][1]).replace("/workspace/", f"{gcloud}/")
    subprocess.run(
        [described["entrypoint"], described["args"][0], script],
        cwd=ROOT,
        env={"PATH": f"{gcloud}/tools:{os.environ['PATH']}"},
        timeout=30,
        check=True,
    )
    told = calls(gcloud)
    assert [call.split()[:3] for call in told] == [
        ["run", "worker-pools", "replace"],
        ["run", "services", "replace"],
    ]
    for name, call in (("workers", told[0]), ("service", told[1])):
        made = gcloud / f"{name}.yaml"
        assert f"{made} --region europe-west1 --project my-project" in call
        assert "%" not in re.sub(r"#.*", "", made.read_text("utf-8"))
        assert problems(parsed(made)) == []
        assert container(made)["image"] == IMAGE
    assert {"name": "PUBLIC_URL", "value": "https://vip.example.org"} in container(gcloud / "service.yaml")[
        "env"
    ]


@pytest.mark.parametrize("there", [False, True], ids=["new", "there already"])
def test_the_scheduler_proves_itself_as_the_service_expects(gcloud: Path, there: bool) -> None:
    if not there:
        (gcloud / "fails").write_text("cuelight-remove-expired-vips\n", "utf-8")
        # Only the question is answered with no; what is asked for then is done.
        (gcloud / "tools" / "gcloud").write_text(
            f'#!/bin/sh\necho "$*" >> {gcloud}/calls\n[ "$3" != describe ]\n', "utf-8"
        )
    subprocess.run(
        [ROOT / "deploy" / "scheduler.sh", "my-project", "europe-west1", "vip.example.org"],
        env={"PATH": f"{gcloud}/tools:{os.environ['PATH']}"},
        timeout=30,
        check=True,
    )
    told = calls(gcloud)[-1]
    assert told.startswith(
        f"scheduler jobs {'update' if there else 'create'} http cuelight-remove-expired-vips "
    )
    expected = {variable["name"]: variable.get("value", "") for variable in container(SERVICE)["env"]}
    audience = expected["CRON_OIDC_AUDIENCE"].replace("%HOST%", "vip.example.org")
    account = expected["CRON_OIDC_EMAIL"].replace("%PROJECT%", "my-project")
    assert f"--oidc-service-account-email {account} --oidc-token-audience {audience} " in told
    assert f"--uri {audience} --http-method POST" in told


def test_the_scheduler_asks_for_what_it_needs() -> None:
    done = subprocess.run(
        [ROOT / "deploy" / "scheduler.sh", "x"], capture_output=True, timeout=30, check=False
    )
    assert (done.returncode, b"PROJECT REGION HOST" in done.stderr) == (2, True)
