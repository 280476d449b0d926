"""Uploads over HTTP: links to put pictures by, and what became of an upload."""

from retinue.http.entry import handler as entry
from retinue.http.uploads import create_upload, show_upload

ROUTES = {
    "POST /uploads": create_upload,
    "GET /uploads/{id}": show_upload,
}

handler = entry(ROUTES)
