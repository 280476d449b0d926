<?php
$address = getenv("RETINUE_URL") . "/shapes/1?" . http_build_query(["api_key" => getenv("RETINUE_KEY")]);
$request = stream_context_create(["http" => [
    "method" => "POST",
    "header" => "Content-Type: application/x-www-form-urlencoded",
    "content" => base64_encode(file_get_contents("scene.jpg")),
    "ignore_errors" => true,
]]);
echo file_get_contents($address, false, $request);
