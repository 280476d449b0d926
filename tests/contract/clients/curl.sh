base64 < scene.jpg | curl -s -d @- "$RETINUE_URL/shapes/1?api_key=$RETINUE_KEY"
