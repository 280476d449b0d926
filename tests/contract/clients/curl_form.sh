curl -s -F file=@scene.jpg -H "Authorization: Bearer $RETINUE_KEY" "$RETINUE_URL/shapes/1?confidence=40&overlap=30"
