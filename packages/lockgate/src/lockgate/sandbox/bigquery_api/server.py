"""The server of the stand-in for BigQuery: its routes, whom it lets in, and the operations on jobs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from lockgate.sandbox.bigquery_api.accounts import Accounts
from lockgate.sandbox.bigquery_api.catalog import Catalog
from lockgate.sandbox.bigquery_api.engine import Engine
from lockgate.sandbox.bigquery_api.fields import row
from lockgate.sandbox.bigquery_api.jobs import Job, Jobs
from lockgate.sandbox.bigquery_api.queries import Queries
from lockgate.sandbox.bigquery_api.refusals import Refusal, unknown
from lockgate.sandbox.bigquery_api.resources import Resources, stamps_of
from lockgate.sandbox.bigquery_api.sessions import Session
from lockgate.sandbox.bigquery_api.uploads import Upload, document, parts
from lockgate.sandbox.local_api import ApiAnswer, LocalApi, Route
from lockgate.sandbox.local_server import ApiRequest

_TOKEN = "/token"
_WAIT_MS = 10_000
_MOST_WAIT_MS = 200_000
_REASONS = {401: "authError", 404: "notFound", 500: "backendError"}


class BigQueryApi(LocalApi):
    """A server to be used in a `with` block; one project, whose tables live as long as it.

    `faults` and `refusing` are of requests; `jobs.faults` are met by the next jobs, one each.
    """

    def __init__(
        self, project: str = "lockgate-stand-in", *, location: str = "US", port: int = 0, token_seconds: float = 3600
    ) -> None:
        """An empty project in a location; tokens live for `token_seconds`."""
        super().__init__(port=port)
        self.project = project
        self.location = location
        self.catalog = Catalog(project, location)
        self.engine = Engine(self.catalog)
        self.accounts = Accounts(project, f"{self.url}{_TOKEN}", lifetime_seconds=token_seconds)
        self.jobs = Jobs(project, location)
        self.own = Session(self.engine, ("", ""), self.ended.is_set)
        self._uploads: dict[str, Upload] = {}
        self._asked: dict[str, tuple[str, Job]] = {}
        self._resources = Resources(self)
        self._queries = Queries(self.engine, self.jobs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops every job, and it."""
        for job in self.jobs.all():
            job.is_stopped = True
        super().__exit__(kind, error, trace)
        self.engine.close()

    def service_account(self, name: str = "lockgate") -> dict[str, str]:
        """The key document of a new service account, as Google gives it; its private key is nowhere else."""
        return self.accounts.made(name)

    # --- the door -------------------------------------------------------------------------------------------------

    def refused(self, status: int, said: str) -> ApiAnswer:
        """A refusal in Google's envelope."""
        return ApiAnswer(status, Refusal(_REASONS.get(status, "invalid"), said).envelope(status))

    def turned_away(self, request: ApiRequest) -> ApiAnswer | None:
        """401 where there is no good token."""
        if request.path == _TOKEN or self.accounts.whose(request):
            return None
        said = "Request had invalid authentication credentials. Expected OAuth 2 access token."
        return ApiAnswer(401, Refusal("authError", said).envelope(), headers={"www-authenticate": "Bearer"})

    def answered(self, request: ApiRequest) -> ApiAnswer:
        """The answer to a request; what is refused is told in the envelope."""
        try:
            return super().answered(request)
        except Refusal as error:
            return ApiAnswer(error.status, error.envelope())

    def routes(self) -> tuple[Route, ...]:
        """The operations that it knows."""
        project = f"/bigquery/v2/projects/{self.project}"
        upload = f"(?:/resumable)?/upload/bigquery/v2/projects/{self.project}/jobs"
        dataset = f"{project}/datasets/([^/]+)"
        table = f"{dataset}/tables/([^/]+)"
        of = self._resources
        return (
            ("POST", _TOKEN, self.accounts.exchange),
            ("POST", f"{project}/datasets", of.insert_dataset),
            ("GET", f"{project}/datasets", of.list_datasets),
            ("GET", dataset, of.get_dataset),
            ("PATCH", dataset, of.patch_dataset),
            ("DELETE", dataset, of.delete_dataset),
            ("POST", f"{dataset}/tables", of.insert_table),
            ("GET", f"{dataset}/tables", of.list_tables),
            ("GET", table, of.get_table),
            ("PATCH", table, of.patch_table),
            ("DELETE", table, of.delete_table),
            ("GET", f"{table}/data", of.list_rows),
            ("POST", f"{project}/jobs", self._insert),
            ("GET", f"{project}/jobs", self._list),
            ("GET", f"{project}/jobs/([^/]+)", self._get),
            ("POST", f"{project}/jobs/([^/]+)/cancel", self._cancel),
            ("GET", f"{project}/queries/([^/]+)", self._results),
            ("POST", f"{project}/queries", self._query),
            ("POST", upload, self._upload),
            ("PUT", upload, self._continue),
        )

    # --- jobs -----------------------------------------------------------------------------------------------------

    def _begin(self, asked: Mapping[str, Any], request: ApiRequest, content: bytes = b"") -> Job:
        configuration = dict(asked.get("configuration", {}))
        email = self.accounts.whose(request) or ""
        job = self.jobs.add(configuration, asked.get("jobReference", {}), email, content=content)
        if configuration.get("dryRun"):
            self._queries.plan(job)
        else:
            self.jobs.start(job, self._queries.work)
        return job

    def _insert(self, request: ApiRequest) -> ApiAnswer:
        asked = document(request.body)
        if "load" in asked.get("configuration", {}):
            raise unknown("loads that bring nothing with them")
        return ApiAnswer(200, self._begin(asked, request).document(self.url))

    def _list(self, request: ApiRequest) -> ApiAnswer:
        wanted = {value.upper() for name, value in request.query if name == "stateFilter"}
        parent = request.asks("parentJobId")
        first_ms, last_ms = int(request.asks("minCreationTime") or 0), int(request.asks("maxCreationTime") or 2**62)
        found = [
            job
            for job in self.jobs.all()
            if job.parent == parent and (not wanted or job.state in wanted)
            and first_ms <= job.created_ms <= last_ms
        ]  # fmt: skip
        start, most = int(request.asks("pageToken") or 0), int(request.asks("maxResults") or 50)
        page = [_listed(job, self.url) for job in found[start : start + most]]
        token = {"nextPageToken": str(start + most)} if start + most < len(found) else {}
        return ApiAnswer(200, {"kind": "bigquery#jobList", "etag": "list", **({"jobs": page} if page else {}), **token})

    def _get(self, request: ApiRequest, number: str) -> ApiAnswer:
        return ApiAnswer(200, self.jobs.find(number, request.asks("location")).document(self.url))

    def _cancel(self, request: ApiRequest, number: str) -> ApiAnswer:
        job = self.jobs.find(number, request.asks("location"))
        self._queries.cancel(job)
        return ApiAnswer(200, {"kind": "bigquery#jobCancelResponse", "job": job.document(self.url)})

    # --- queries --------------------------------------------------------------------------------------------------

    def _results(self, request: ApiRequest, number: str) -> ApiAnswer:
        job = self.jobs.find(number, request.asks("location"))
        if job.kind != "query":
            raise Refusal("invalid", f"Job {job.id} is not a query job")
        job.done.wait(min(int(request.asks("timeoutMs") or _WAIT_MS), _MOST_WAIT_MS) / 1000)
        start = int(request.asks("pageToken") or request.asks("startIndex") or 0)
        most = int(request.asks("maxResults") or 10_000)
        told = self._page(job, start, most, stamps_of(request))
        return ApiAnswer(200, {"kind": "bigquery#getQueryResultsResponse", "etag": job.id, **told})

    def _query(self, request: ApiRequest) -> ApiAnswer:
        asked = document(request.body)
        job = self._again(asked) or self._begin({"configuration": _configuration(asked)}, request)
        if asked.get("requestId"):
            self._asked.setdefault(asked["requestId"], (_fingerprint(asked), job))
        if asked.get("dryRun"):
            return ApiAnswer(200, {"kind": "bigquery#queryResponse", **_planned(job)})
        job.done.wait(min(int(asked.get("timeoutMs", _WAIT_MS)), _MOST_WAIT_MS) / 1000)
        options = asked.get("formatOptions", {})
        stamps = options.get("timestampOutputFormat") or ("INT64" if options.get("useInt64Timestamp") else "FLOAT64")
        told = self._page(job, 0, int(asked.get("maxResults", 10_000)), stamps)
        session = {"sessionInfo": {"sessionId": job.session}} if job.session else {}
        return ApiAnswer(200, {"kind": "bigquery#queryResponse", "location": job.location, **told, **session})

    def _again(self, asked: Mapping[str, Any]) -> Job | None:
        """The job of a request that came before, with the same id and the same body."""
        body, job = self._asked.get(asked.get("requestId", ""), ("", None))
        return job if job is not None and body == _fingerprint(asked) else None

    def _page(self, job: Job, start: int, most: int, stamps: str) -> dict[str, Any]:
        told: dict[str, Any] = {"jobReference": job.reference(), "jobComplete": job.done.is_set()}
        if not job.done.is_set():
            return told
        if job.error is not None:
            raise job.error
        outcome = job.outcome
        if outcome is None:
            return told
        told |= {"totalBytesProcessed": str(outcome.bytes), "cacheHit": False}
        if outcome.affected is not None:
            told["numDmlAffectedRows"] = str(outcome.affected)
        fields = outcome.fields
        told["totalRows"] = str(len(outcome.rows))
        if fields is None:
            return told
        rows = outcome.rows[start : start + most]
        told["schema"] = {"fields": fields}
        if rows:
            told["rows"] = [row(fields, each, stamps) for each in rows]
        if start + len(rows) < len(outcome.rows):
            told["pageToken"] = str(start + len(rows))
        return told

    # --- uploads --------------------------------------------------------------------------------------------------

    def _upload(self, request: ApiRequest) -> ApiAnswer:
        kind = request.asks("uploadType")
        if kind == "multipart":
            asked, content = parts(request)
            return ApiAnswer(200, self._begin(asked, request, content).document(self.url))
        if kind != "resumable":
            raise unknown(f"uploads of the type {kind}")
        upload = Upload(document(request.body), self.accounts.whose(request) or "")
        self._uploads[upload.id] = upload
        place = f"{self.url}{request.path}?uploadType=resumable&upload_id={upload.id}"
        return ApiAnswer(200, content=b"", headers={"location": place, "x-guploader-uploadid": upload.id})

    def _continue(self, request: ApiRequest) -> ApiAnswer:
        upload = self._uploads.get(request.asks("upload_id"))
        if upload is None:
            raise Refusal("notFound", "Not found: the upload")
        if upload.answer is None:
            if not upload.take(request):
                return ApiAnswer(308, content=b"", headers=upload.progress())
            job = self._begin(upload.asked, request, bytes(upload.content))
            upload.answer = job.document(self.url)
        return ApiAnswer(200, upload.answer)


_OF_QUERY = (
    "query", "defaultDataset", "useLegacySql", "useQueryCache", "maximumBytesBilled", "queryParameters",
    "parameterMode", "connectionProperties", "createSession",
)  # fmt: skip


def _configuration(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What jobs.query asks for, as a configuration."""
    query = {key: asked[key] for key in _OF_QUERY if key in asked}
    more = {key: asked[key] for key in ("labels", "dryRun", "jobTimeoutMs") if key in asked}
    return {"query": query, **more}


def _planned(job: Job) -> dict[str, Any]:
    outcome = job.outcome
    told: dict[str, Any] = {"jobComplete": True, "jobReference": {"projectId": job.project, "location": job.location}}
    if outcome is not None:
        told["totalBytesProcessed"] = str(outcome.bytes)
        if outcome.fields is not None:
            told["schema"] = {"fields": outcome.fields}
    return told


def _listed(job: Job, url: str) -> dict[str, Any]:
    whole = job.document(url)
    kept = {
        key: whole[key] for key in ("kind", "id", "jobReference", "configuration", "status", "statistics", "user_email")
    }
    error = {"errorResult": job.error.proto()} if job.error else {}
    return {**kept, "state": job.state, **error}


def _fingerprint(asked: Mapping[str, Any]) -> str:
    return json.dumps(asked, sort_keys=True)
