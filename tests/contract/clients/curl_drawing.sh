base64 < scene.jpg | curl -s -d @- -o drawing.jpg "$RETINUE_URL/shapes/1?api_key=$RETINUE_KEY&format=image&labels=true"
