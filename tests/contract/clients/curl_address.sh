curl -s -X POST -G "$RETINUE_URL/shapes/1" -d "api_key=$RETINUE_KEY" --data-urlencode "image=$PICTURE_URL"
