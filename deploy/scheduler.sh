#!/bin/sh
# Makes (or changes) the Cloud Scheduler job that asks Cuelight to end what is over (docs/deploy/cloud-run.md):
#   deploy/scheduler.sh PROJECT REGION HOST
# The daemons end VIPs on time by themselves; this is the second pair of eyes. Twice does no harm.
set -eu
[ $# -eq 3 ] || { echo "usage: deploy/scheduler.sh PROJECT REGION HOST" >&2; exit 2; }
project=$1 region=$2 host=$3

job=cuelight-remove-expired-vips
account=cuelight-cron@$project.iam.gserviceaccount.com
url=https://$host/api/cron/remove-expired-vips

verb=create
if gcloud scheduler jobs describe "$job" --location "$region" --project "$project" >/dev/null 2>&1; then
  verb=update
fi

# The token's audience and account are what CRON_OIDC_AUDIENCE and CRON_OIDC_EMAIL of the service name.
gcloud scheduler jobs "$verb" http "$job" --project "$project" --location "$region" \
  --schedule "*/5 * * * *" --time-zone Etc/UTC \
  --uri "$url" --http-method POST \
  --oidc-service-account-email "$account" --oidc-token-audience "$url" \
  --attempt-deadline 60s --max-retry-attempts 3 --min-backoff 5s --max-backoff 60s
