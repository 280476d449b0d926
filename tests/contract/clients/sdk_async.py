import asyncio
import json
import os

from inference_sdk import InferenceHTTPClient


async def main() -> None:
    client = InferenceHTTPClient(api_url=os.environ["RETINUE_URL"], api_key=os.environ["RETINUE_KEY"])
    answers = await client.infer_async(["scene.jpg", "red.png", "scene.jpg"], model_id="shapes/1")
    print(json.dumps(answers))


asyncio.run(main())
