"""Starts a job's process as `isolation` says, in place of FLARE's launchers.

FLARE's launcher joins the arguments to one line without quotes and splits it again, and passes on its whole
search path; here they stay a list, and the environment is cleaned.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nvflare.apis.fl_constant import FLContextKey
from nvflare.apis.fl_context import FLContext
from nvflare.apis.job_launcher_spec import JobHandleSpec, JobProcessArgs
from nvflare.app_common.job_launcher.process_launcher import ProcessHandle, ProcessJobLauncher
from nvflare.utils.job_launcher_utils import get_client_job_args, get_credential_env, get_server_job_args

from proofward.engines.contract import home_of
from proofward.engines.flare.kits.isolation import empty_folder
from proofward.engines.operations.isolation import interpreter, isolated

Arguments = Mapping[str, tuple[str, str]]


def job_command(arguments: Arguments, names: list[str]) -> list[str]:
    """The command of a job's process. Only the options are several words, which have no spaces."""
    words = []
    for name in names:
        if name in arguments:
            option, value = arguments[name]
            words += [option, *(value.split() if name == JobProcessArgs.OPTIONS else [value])]
    return interpreter(*words)


class JobLauncher(ProcessJobLauncher):
    """See the module."""

    names: list[str]

    def launch_job(self, job_meta: dict[str, Any], fl_ctx: FLContext) -> JobHandleSpec:
        """Starts the process in a session of its own, as FLARE's handle expects of it."""
        arguments = fl_ctx.get_prop(FLContextKey.JOB_PROCESS_ARGS)
        kit = Path(fl_ctx.get_prop(FLContextKey.WORKSPACE_OBJECT).get_root_dir())
        environment = {**isolated(os.environ, kit), **get_credential_env(arguments)}
        process = subprocess.Popen(  # without preexec_fn: gRPC's threads must not be forked
            job_command(arguments, self.names),
            cwd=empty_folder(home_of(kit)),
            env=environment,
            start_new_session=True,
        )
        return ProcessHandle(process=process)

    def get_command(self, job_meta: dict[str, Any], fl_ctx: FLContext) -> str:
        """FLARE's launcher asks for one line; this one makes a list."""
        raise NotImplementedError


class ServerLauncher(JobLauncher):
    """The server's job."""

    names = get_server_job_args()


class SiteLauncher(JobLauncher):
    """A site's job."""

    names = get_client_job_args()
