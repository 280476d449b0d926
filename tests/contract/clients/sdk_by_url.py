import json
import os

from inference_sdk import InferenceConfiguration, InferenceHTTPClient

client = InferenceHTTPClient(api_url=os.environ["RETINUE_URL"], api_key=os.environ["RETINUE_KEY"])
client.select_api_v0()
client.configure(InferenceConfiguration(confidence_threshold=0.4, api_key_transport="header"))
answer = client.infer("scene.jpg", model_id="shapes/1")
print(json.dumps(answer))
