import json
import os

from inference_sdk import InferenceHTTPClient

client = InferenceHTTPClient(api_url=os.environ["RETINUE_URL"], api_key=os.environ["RETINUE_KEY"])
rows = client.run_workflow(workspace_name="default", workflow_id="shapes", images={"image": "scene.jpg"})
print(json.dumps(rows[0]["objects"]))
