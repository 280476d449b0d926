"""Jobs over HTTP: submitted, listed, followed, cancelled; and the hosted video API, which is made of them."""

from retinue.http.entry import handler as entry
from retinue.http.jobs import cancel_job, list_jobs, show_job, submit_job
from retinue.http.videos import create_video_upload, show_video, submit_video

ROUTES = {
    "POST /jobs": submit_job,
    "GET /jobs": list_jobs,
    "GET /jobs/{job_id}": show_job,
    "DELETE /jobs/{job_id}": cancel_job,
    "POST /video_upload_signed_url": create_video_upload,
    "POST /video_upload_signed_url/": create_video_upload,
    "POST /videoinfer": submit_video,
    "POST /videoinfer/": submit_video,
    "GET /videoinfer": show_video,
    "GET /videoinfer/": show_video,
}

handler = entry(ROUTES)
