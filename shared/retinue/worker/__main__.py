"""`python -m retinue.worker --job ID --shard N`: does one shard of a job. Exit codes: retinue/worker/exit_codes.py."""

import argparse
import os
import sys
from collections.abc import Mapping

from retinue.worker.exit_codes import ExitCode


def main(arguments: list[str], env: Mapping[str, str]) -> ExitCode:
    """Does the shard that arguments and environment name; returns the exit code."""
    from retinue.worker.stop import Stop, stop_on_signals

    stop = Stop()
    stop_on_signals(stop)  # first of all: a machine may be taken away while the imports below run
    from retinue.config import ConfigurationError, Settings
    from retinue.observe import job_logger, log_failure

    log = job_logger("batch", env.get("RETINUE_LOG_LEVEL", "INFO"))
    try:
        options = _parsed(arguments, env)
        settings = Settings.from_env(env)
        log.append_keys(job_id=options.job, shard=options.shard)
        from retinue.worker.attempt import Attempt

        return Attempt(job_id=options.job, shard=options.shard, settings=settings, env=env, log=log, stop=stop).run()
    except ConfigurationError as exc:
        log.error("attempt ends", extra={"exit_code": int(ExitCode.UNUSABLE), "reason": str(exc)})
        return ExitCode.UNUSABLE
    except Exception:
        log_failure(log, "attempt ends", exit_code=int(ExitCode.DEFECT))
        return ExitCode.DEFECT


def _parsed(arguments: list[str], env: Mapping[str, str]) -> argparse.Namespace:
    """The options. Raises ConfigurationError."""
    from retinue.config import ConfigurationError
    from retinue.jobs.layout import is_job_id

    parser = argparse.ArgumentParser(
        prog="python -m retinue.worker",
        description="Does one shard of a job, from its first missing part to its result.",
        epilog="Exit codes: 0 done, 70 defect, 75 try again, 78 unusable plan or configuration.",
        exit_on_error=False,
    )
    parser.add_argument("--job", default=env.get("RETINUE_JOB_ID", ""), help="default: RETINUE_JOB_ID")
    parser.add_argument(
        "--shard", default=env.get("AWS_BATCH_JOB_ARRAY_INDEX", "0"), help="default: AWS_BATCH_JOB_ARRAY_INDEX, or 0"
    )
    try:
        options = parser.parse_args(arguments)
        options.shard = int(options.shard)
    except (argparse.ArgumentError, ValueError) as exc:
        raise ConfigurationError(f"the arguments cannot be used: {exc}") from exc
    if not is_job_id(options.job):
        raise ConfigurationError(f"{options.job[:80]!r} is no id of a job; give --job or RETINUE_JOB_ID")
    return options


if __name__ == "__main__":
    code = main(sys.argv[1:], os.environ)
    sys.stdout.flush()
    # Threads that wait for S3 are of no use any more, and must not hold up the end.
    os._exit(code)
