"""Thumbnails of the pictures that customers upload."""

from __future__ import annotations

import base64
import hashlib
import io
import warnings
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image, UnidentifiedImageError

from evertask import Handler
from shop.tasks import MakeThumbnail

if TYPE_CHECKING:
    from evertask import Context


class UnusablePictureError(ValueError):
    """The upload is not a picture that a thumbnail can be made from; the message is for the customer."""


class Thumbnail(NamedTuple):
    """A finished thumbnail."""

    png: bytes
    width: int
    """Pixels."""
    height: int
    """Pixels."""


def make_thumbnail(picture: bytes, largest_side: int) -> Thumbnail:
    """Scale a picture down, its proportions kept; one that is small enough keeps its size.

    Args:
        picture: the file, in any format that Pillow reads.
        largest_side: pixels that the longer side of the thumbnail may have.

    Raises:
        UnusablePictureError: not a picture, broken, or far too large to be opened.
    """
    try:
        with warnings.catch_warnings():
            # A small file can hold a picture that fills the memory; Pillow only warns of it.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(picture)) as opened:
                image = opened.convert("RGB")
    except UnidentifiedImageError as error:
        raise UnusablePictureError(f"the upload of {len(picture)} bytes is not a picture") from error
    except (OSError, Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise UnusablePictureError(f"the picture cannot be opened: {error}") from error
    image.thumbnail((largest_side, largest_side))
    output = io.BytesIO()
    image.save(output, format="PNG", optimize=True)
    return Thumbnail(output.getvalue(), image.width, image.height)


class MakeThumbnailHandler(Handler[MakeThumbnail]):
    """Make a thumbnail."""

    def handle(self, task: MakeThumbnail, ctx: Context) -> dict[str, str | int]:
        """Scale the picture; the result holds the thumbnail, as base64, and what a page needs to show it."""
        ctx.progress(10, f"{len(task.picture)} bytes read")
        thumbnail = make_thumbnail(task.picture, task.largest_side)
        return {
            "width": thumbnail.width,
            "height": thumbnail.height,
            "bytes": len(thumbnail.png),
            "sha256": hashlib.sha256(thumbnail.png).hexdigest(),
            "png": base64.b64encode(thumbnail.png).decode(),
        }
