import json
import os

from inference_sdk import InferenceConfiguration, InferenceHTTPClient

client = InferenceHTTPClient(api_url=os.environ["RETINUE_URL"], api_key=os.environ["RETINUE_KEY"])
client.configure(InferenceConfiguration(max_batch_size=16, max_concurrent_requests=4))
answers = client.infer(["scene.jpg", "red.png", "scene.jpg"], model_id="shapes/1")
print(json.dumps(answers))
